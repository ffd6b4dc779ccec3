"""TOML and command-line options in, one frozen `Settings` out."""
