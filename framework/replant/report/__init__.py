"""Reports of what a command did: one value, written as JSON, Markdown or HTML."""
