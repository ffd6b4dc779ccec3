"""Proposes the configuration that `replant init` writes."""
