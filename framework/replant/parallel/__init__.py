"""Reads rows with several processes, each with a connection in the same snapshot."""
