"""The external test, never trained on: digits by strangers. Run it with `python -m train.strangers`."""
