"""The ways to load that come with replant."""
