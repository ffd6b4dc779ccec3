"""Lists the fields of each table of a tenant: names, types, and what is checked."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from replant_plugins.demonstration.awkward import pick
from replant_plugins.demonstration.tenants import Tenant


@frozen
class Field:
    """A field as a table of the platform describes it; `references` names another table."""

    name: str
    type: str
    default: str | None = None
    regexp: str | None = None
    references: str | None = None


_ALWAYS = (
    Field("id", "uuid", default="uuid_generate_v4()"),
    Field("created_at", "timestamptz", default="now()"),
    Field("updated_at", "timestamptz", default="now()"),
)

_POOL = (
    Field("title", "text", regexp=r"^\S.*\S$"),
    Field("slug", "citext", regexp=r"^[a-z0-9]+(?:-[a-z0-9]+)*$"),
    Field("summary", "text"),
    Field("body", "text", default="E'\\n'"),
    Field("status", "text", default="'draft'"),
    Field("position", "integer", default="0"),
    Field("price", "numeric(12,2)"),
    Field("currency", "character(3)", default="'EUR'", regexp="^[A-Z]{3}$"),
    Field("quantity", "integer", default="1"),
    Field("weight", "double precision"),
    Field("is_active", "boolean", default="true"),
    Field("is_public", "boolean", default="false"),
    Field("starts_at", "timestamptz"),
    Field("ends_at", "timestamptz"),
    Field("email", "Email", regexp=r"^[^@\s]+@[^@\s]+$"),
    Field("phone", "text", regexp=r"^\+?[0-9 ()/-]+$"),
    Field("website", "url"),
    Field("picture", "image"),
    Field("metadata", "JSONB", default="'{}'::jsonb"),
    Field("keywords", "citext[]", default="'{}'::citext[]"),
    Field("rating", "double precision"),
    Field("notes", "text"),
    Field("locale", "text", default="'en'", regexp="^[a-z]{2}(-[A-Z]{2})?$"),
)

#: How many fields of the pool a table has; no divisor of the pool's size, so tables differ.
_FROM_POOL = 10

Layout = dict[str, Sequence[Field]]


def lay_out(tenant: Tenant) -> Layout:
    """Give every table of a tenant its fields; most refer to the table before them."""
    layout: Layout = {}
    before = ("", "")
    for turn, (schema, table) in enumerate(tenant.tables()):
        start = turn * _FROM_POOL
        drawn = [pick(_POOL, turn) for turn in range(start, start + _FROM_POOL)]
        references = [_reference(before[1])] if before[0] == schema else []
        layout[table] = (*_ALWAYS, *references, *drawn)
        before = schema, table
    return layout


def _reference(table: str) -> Field:
    return Field(f"{table}_id", "uuid", references=table)
