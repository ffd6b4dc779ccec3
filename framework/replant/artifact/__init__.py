"""Reads and writes artifacts: SQL files and directories, with their manifests."""
