"""Makes the owned rows of a target those of an artifact."""
