"""replant: move a consistent set of rows between PostgreSQL databases, exactly, with proof.

This page lists the public names; each is documented where it is defined.
"""

__version__ = "0.1.0"
