"""Measurements without HTTP, of the service's own functions."""
