"""Holds the plugins: hook specifications, discovery, and a typed method for each hook."""
