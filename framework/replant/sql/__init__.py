"""SQL text from values that compose: the only place that quotes."""
