"""Photographs instead of digits: `python -m bench compare --photos`."""
