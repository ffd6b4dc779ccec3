"""A value that is too long for PostgreSQL's regular expressions has a text as COPY writes it."""

from __future__ import annotations

from hashlib import sha256

import psycopg
from psycopg import sql

from replant.model import PlannedColumn, PlannedTable, RelationName
from replant.sql.row_forms import COPY_ROWS
from replant.sql.row_text import hash_expression
from replant.testing.servers.server import Database

#: A regular expression takes four bytes for each character, and no more than 1 GB in all.
LENGTH = 270_000_000


def test_a_text_of_270_million_characters_is_hashed(database: Database) -> None:
    table = PlannedTable(RelationName("public", "t"), (PlannedColumn("v", "text"),))
    rows = sql.SQL("(SELECT pg_catalog.repeat('x', {}) AS v) AS t0").format(LENGTH)
    query = sql.SQL("SELECT {} FROM {}").format(hash_expression(COPY_ROWS, table), rows)
    with psycopg.connect(database.dsn) as connection:
        (found,) = connection.execute(query).fetchone() or (None,)
    assert found == int.from_bytes(sha256(b"x" * LENGTH).digest()[:8], signed=True)
