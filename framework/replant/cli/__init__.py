"""Defines the command line, with a module for each command."""
