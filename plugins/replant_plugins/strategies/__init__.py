"""Provides the strategies that come with replant."""
