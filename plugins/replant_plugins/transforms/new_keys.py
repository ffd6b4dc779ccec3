"""Makes the SQL by which a key becomes another: the same text at both ends of a reference.

New uuids are of version 8, made from a namespace and the old uuid by SHA-256 as RFC 9562 shows in
appendix B.2. PostgreSQL has no SHA-1 for version 5, and under FIPS no MD5 for version 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import NAMESPACE_URL, UUID, uuid5

from replant.model import RelationName, SqlExpression

INTEGERS = ("smallint", "integer", "bigint")

# The digit at place 13 is the version. The two highest bits of that at place 17 are the variant.
_UUID = """\
(SELECT CAST(pg_catalog.overlay(pg_catalog.overlay(pg_catalog.encode(d, 'hex'), '8', 13),
  pg_catalog.substr('89ab', (pg_catalog.get_byte(d, 8) >> 4 & 3) + 1, 1), 17) AS uuid)
  FROM (SELECT pg_catalog.substr(pg_catalog.sha256('\\x{namespace}'::bytea
    || pg_catalog.uuid_send(CAST(value AS uuid))), 1, 16) AS d) AS _)"""


def new_uuid(namespace: str) -> SqlExpression:
    """Return what makes a uuid another: the same of the same, in the same namespace.

    Args:
        namespace: a uuid; another text stands for the uuid of version 5 that it has among URLs.

    """
    try:
        found = UUID(namespace)
    except ValueError:
        found = uuid5(NAMESPACE_URL, namespace)
    return SqlExpression(
        _UUID.replace("{namespace}", found.hex), f"uuid in {found}", keeps_apart=True
    )


def moved_integer(offset: int, type_: str) -> SqlExpression:
    """Return what adds an offset; what does not fit the type of the key fails in the source."""
    return SqlExpression(
        f"CAST(CAST(value AS bigint) + ({offset}) AS {type_})", f"{offset:+}", keeps_apart=True
    )


def integer_from(start: int, keys: Sequence[tuple[RelationName, str]], type_: str) -> SqlExpression:
    """Return what moves integers so that the least of all that are there becomes a given one.

    Args:
        start: what it becomes.
        keys: the columns of which it is the least, each with its table.
        type_: of the key; what does not fit it fails in the source.

    """
    least = ", ".join(
        f"(SELECT pg_catalog.min({_quoted(column)}) FROM {_named(table)})"  # noqa: S608 - quoted
        for table, column in keys
    )
    moved = f"CAST(value AS bigint) - LEAST({least}) + ({start})"
    return SqlExpression(f"CAST({moved} AS {type_})", f"from {start} on", keeps_apart=True)


def _named(table: RelationName) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
