"""Writing and reading what lies on disk."""
