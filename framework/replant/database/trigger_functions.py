"""Reads what functions of triggers write, from their text: SQL in them names the tables."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from replant.database.connections import DatabaseConnection
from replant.model import RelationName

# A function that is SECURITY DEFINER writes with its owner's privileges. prosrc is the body as it
# was written; that of a function in SQL-standard style is parsed, and empty here.
_FUNCTIONS = """
SELECT p.oid, n.nspname, p.oid::regprocedure::text,
       CASE WHEN l.lanname IN ('plpgsql', 'sql') AND NOT p.prosecdef THEN p.prosrc ELSE '' END
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.prorettype = 'trigger'::regtype
"""

#: A comment, a string, or a statement that writes: what it does, and the table.
_NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_WRITES = re.compile(
    rf"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'"
    rf"|\b(?:(INSERT)\s+INTO|(UPDATE)(?:\s+ONLY)?|(DELETE)\s+FROM(?:\s+ONLY)?)"
    rf"\s+({_NAME}(?:\s*\.\s*{_NAME})?)",
    re.IGNORECASE | re.DOTALL,
)

Writes = tuple[tuple[str, RelationName], ...]


def read_function_writes(
    database: DatabaseConnection, tables: Collection[RelationName]
) -> dict[int, tuple[str, Writes]]:
    """Return the name of each trigger function, and the privileges that its text needs, by oid."""
    by_name: defaultdict[str, set[RelationName]] = defaultdict(set)
    for table in tables:
        by_name[table.name].add(table)
    return {
        oid: (name, tuple(sorted(set(_writes(text, schema, by_name)))))
        for oid, schema, name, text in database.execute(_FUNCTIONS.encode())
    }


def _writes(
    text: str, schema: str, tables: Mapping[str, set[RelationName]]
) -> Iterator[tuple[str, RelationName]]:
    """Yield the privilege and the table of each statement that writes; unknown names are none.

    A name without a schema means the table of the function's own schema, or the only one.
    """
    for found in _WRITES.finditer(text):
        *commands, named = found.groups()
        if named is None:
            continue
        *of, name = [_unquoted(part) for part in re.findall(_NAME, named)]
        known = tables.get(name, set())
        own = {table for table in known if table.schema == (of[0] if of else schema)}
        meant = own if of or own else known
        if len(meant) == 1:
            yield next(filter(None, commands)).upper(), next(iter(meant))


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.lower()
