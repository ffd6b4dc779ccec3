"""What `replant init` proposes for a database."""
