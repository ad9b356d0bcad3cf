"""Pixels to probabilities; knows no HTTP."""
