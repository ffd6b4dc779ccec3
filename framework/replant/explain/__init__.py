"""Why a row is exported, or why it is not: asked of a database or of an artifact."""
