"""The two ways to load that come with replant."""
