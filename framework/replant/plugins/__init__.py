"""The plugin host: hook specifications, discovery, and a typed method per hook."""
