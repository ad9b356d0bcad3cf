"""Tests of `train`, one file a module."""
