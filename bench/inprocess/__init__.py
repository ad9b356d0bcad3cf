"""Measurements without HTTP, of the service's own functions; nothing else in bench imports the service."""
