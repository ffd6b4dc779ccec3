"""Writes the GRANT that gives a missing privilege."""

from __future__ import annotations

from collections.abc import Iterable

from replant.model import RelationName, readable


def grants(privilege: str, tables: Iterable[RelationName], role: str) -> str:
    """Write `GRANT … ON …, … TO …;` on one line, with names quoted where they must be.

    It is shown to people and never sent, so names are written as people write them.
    """
    listed = ", ".join(str(table) for table in sorted(tables))
    return f"GRANT {privilege} ON {listed} TO {readable(role)};"


def sequence_grants(sequences: Iterable[RelationName], role: str) -> str:
    """Write the GRANT that lets the role move sequences."""
    listed = ", ".join(str(sequence) for sequence in sorted(sequences))
    return f"GRANT UPDATE ON SEQUENCE {listed} TO {readable(role)};"


def usage_grants(schemas: Iterable[str], role: str) -> str:
    """Write `GRANT USAGE ON SCHEMA …, … TO …;`."""
    listed = ", ".join(readable(schema) for schema in sorted(set(schemas)))
    return f"GRANT USAGE ON SCHEMA {listed} TO {readable(role)};"


def read_grants(schemas: Iterable[str], tables: Iterable[RelationName], role: str) -> str:
    """Write what lets the role read these tables: USAGE on the schemas, SELECT on the tables."""
    schemas, tables = list(schemas), list(tables)
    needed = [usage_grants(schemas, role)] if schemas else []
    needed += [grants("SELECT", tables, role)] if tables else []
    return " ".join(needed)
