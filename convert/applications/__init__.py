"""Tries every model of `keras.applications`: `python -m convert.applications` writes docs/applications.md."""
