"""The platform's two schemas as DDL: an empty database comes in, one with the tables goes out."""

from __future__ import annotations

from importlib import resources
from typing import Any

from psycopg import Connection

from replant_plugins.pinning import pinned

#: In the order in which they build on each other.
FILES = ("common.sql", "collections_public.sql", "meta_public.sql", "foreign_key_indexes.sql")


def deploy(connection: Connection[Any]) -> None:
    """Create both schemas, and what they need, in an empty database.

    Everything goes as one message, so it is one transaction even on a connection in autocommit
    mode; on any other the caller commits. The owner of a database may do this: neither a superuser
    nor the right to create roles is needed.

    Raises:
        psycopg.Error: the database refuses; it is not empty, or citext is not to be had.

    """
    folder = resources.files(__name__)
    script = b"\n".join(folder.joinpath(name).read_bytes() for name in FILES)
    with pinned(connection):
        # A prepared statement cannot hold several commands.
        connection.execute(script, prepare=False)
