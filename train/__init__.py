"""Train the model that the server serves; run it with `python -m train`."""
