"""Tests what every plugin should pass."""
