"""Proves with drawn rows that a configuration moves rows exactly."""
