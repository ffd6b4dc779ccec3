"""The schema `notes`: its DDL, for tests and for a first deployment."""

from __future__ import annotations

from importlib import resources
from typing import Any

from psycopg import Connection


def deploy(connection: Connection[Any]) -> None:
    """Create the schema in a database that has none; the caller commits."""
    connection.execute(resources.files(__package__).joinpath("schema.sql").read_bytes())
