"""The tests that every plugin should pass."""
