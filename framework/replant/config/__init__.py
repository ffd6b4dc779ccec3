"""Reads TOML and command-line options into one frozen `Settings`."""
