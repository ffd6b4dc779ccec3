"""A few shops in one schema: what `replant demo --shell` starts with, and most documents use."""

from __future__ import annotations

from importlib import resources
from typing import Any

from psycopg import Connection

from replant.testing.demonstration import Demonstration


def script(name: str) -> str:
    """Return the text of `tables.sql` or `rows.sql`."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _deploy(connection: Connection[Any]) -> None:
    connection.execute(script("tables.sql").encode(), prepare=False)


def _fill(connection: Connection[Any]) -> None:
    connection.execute(script("rows.sql").encode(), prepare=False)
    # What is guessed from statistics is the same at once as after a while.
    connection.execute("ANALYZE")


SHOPS = Demonstration(
    summary="A few shops with customers, products and orders.",
    deploy=_deploy,
    fill=_fill,
    schemas=("public",),
    explored=True,
)
