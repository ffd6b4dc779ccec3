"""Tests that keep README and docs true; `python -m tests.docs.regenerate` mends what they find."""
