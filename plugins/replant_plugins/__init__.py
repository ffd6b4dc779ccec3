"""The plugins that come with replant: two schemas, the strategies, and a demonstration."""
