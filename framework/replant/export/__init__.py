"""The rows of a plan, read from the source."""
