"""Plugins that change values on their way."""
