"""Drift: what something was made for, against what a database holds now."""
