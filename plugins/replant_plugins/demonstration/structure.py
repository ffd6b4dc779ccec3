"""A tenant comes in; its database, schemas, tables and fields go out as rows."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from replant_plugins.demonstration.awkward import FLOATS, INTEGERS, JSONB, TAGS, TEXTS, pick
from replant_plugins.demonstration.fields import Layout
from replant_plugins.demonstration.tenants import Row, Rows, Tenant

#: Schemas in a PostgreSQL that has the extension; `text[]` in all its moods.
_EXTENSION_SCHEMAS = {
    "citext": (["public"], None),
    "hstore": (["public", 'say "when"'], []),
    "pg_trgm": (["public"], ["pg_catalog", None]),
    "postgis": (["public", "tiger", "topology"], ["tiger_data"]),
    "uuid-ossp": ([], ["extensions"]),
}

_CATEGORIES = {"identity": "core", "membership": "module"}


def structure(tenant: Tenant, layout: Layout) -> Iterator[Rows]:
    """Yield the rows that say which schemas, tables and fields a tenant's database has."""
    yield "collections_public.database", _databases(tenant)
    yield "collections_public.extension", _extensions(tenant)
    yield "collections_public.database_extension", _database_extensions(tenant)
    yield "collections_public.schema", _schemas(tenant)
    yield "collections_public.schema_grant", _schema_grants(tenant)
    yield "collections_public.table", _tables(tenant)
    yield "collections_public.field", _fields(tenant, layout)
    yield "collections_public.table_grant", _table_grants(tenant, layout)


def _databases(tenant: Tenant) -> Iterator[Row]:
    yield {
        "id": tenant.database_id,
        "owner_id": tenant.key("owner"),
        "schema_hash": tenant.key("schema hash").hex,
        "schema_name": f"{tenant.name}_public",
        "private_schema_name": f"{tenant.name}_private",
        "name": tenant.name,
        "label": f'{tenant.title} … "the real one"',
        "hash": tenant.key("hash"),
    }


def _extensions(tenant: Tenant) -> Iterator[Row]:
    for name in tenant.extensions:
        public, private = _EXTENSION_SCHEMAS[name]
        yield {"name": name, "public_schemas": public, "private_schemas": private}


def _database_extensions(tenant: Tenant) -> Iterator[Row]:
    for name in tenant.extensions:
        yield {"name": name, "database_id": tenant.database_id}


def _schemas(tenant: Tenant) -> Iterator[Row]:
    for turn, schema in enumerate(tenant.schemas):
        yield tenant.row("schema", schema) | {
            "name": schema,
            "schema_name": f"{tenant.name}_{schema}",
            "label": schema.title(),
            "description": pick((f"{schema} of {tenant.title}", pick(TEXTS, turn), None), turn),
        }


def _schema_grants(tenant: Tenant) -> Iterator[Row]:
    for schema in tenant.schemas:
        for role in ("authenticated", "administrator", f"{tenant.name}_ro\\le"):
            yield tenant.row("schema grant", schema, role) | {
                "schema_id": tenant.schema_id(schema),
                "grantee_name": role,
            }


def _tables(tenant: Tenant) -> Iterator[Row]:
    for turn, (schema, table) in enumerate(tenant.tables()):
        yield tenant.row("table", table) | {
            "schema_id": tenant.schema_id(schema),
            "name": table,
            "label": table.replace("_", " ").capitalize(),
            "description": _remark(tenant, table, turn),
            "smart_tags": pick(JSONB, turn),
            "category": _CATEGORIES.get(schema, "app"),
            "module": pick((None, f"{schema}_module"), turn),
            "scope": pick((*INTEGERS, None, 1), turn),
            "use_rls": turn % 2 == 0,
            "timestamps": turn % 3 == 0,
            "peoplestamps": turn % 5 == 0,
            "plural_name": f"all_{table}",
            "singular_name": f"one_{table}",
            "tags": pick(TAGS, turn),
            "inherits_id": _inherited(tenant, schema, table),
        }


def _inherited(tenant: Tenant, schema: str, table: str) -> UUID | None:
    """Let three of four tables inherit from the one before, which may inherit too, or the first.

    Keys are hashes, so about half of these rows reference a greater key, and half a smaller one.
    """
    names = tenant.schemas[schema].split()
    position = names.index(table)
    before = names[position - 1]
    parent = pick((None, before, before, names[0]), position)
    return None if parent is None else tenant.table_id(parent)


def _fields(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    turn = 0
    for table, fields in layout.items():
        for order, field in enumerate(fields):
            turn += 1
            yield tenant.row("field", table, field.name) | {
                "table_id": tenant.table_id(table),
                "name": field.name,
                "label": pick((None, field.name.replace("_", " "), pick(TEXTS, turn)), turn),
                "description": _remark(tenant, f"{table}.{field.name}", turn),
                "smart_tags": pick(JSONB, turn),
                "is_required": field.default is None,
                "default_value": field.default,
                "is_hidden": turn % 11 == 0,
                "type": field.type,
                "field_order": pick(INTEGERS, turn) if turn % 17 == 0 else order,
                "regexp": field.regexp,
                "chk": pick(JSONB, turn // 7) if turn % 7 == 0 else None,
                "chk_expr": pick(JSONB, turn // 7) if turn % 7 == 1 else None,
                "min": pick(FLOATS, turn // 4) if turn % 4 == 0 else None,
                "max": pick(FLOATS, turn // 3) if turn % 3 == 0 else None,
                "tags": pick(TAGS, turn),
            }


def _table_grants(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for turn, (table, fields) in enumerate(layout.items()):
        for privilege in ("select", "insert", "update"):
            some: list[UUID] | None = [
                tenant.field_id(table, field.name) for field in fields[turn % 5 :: 3]
            ]
            yield tenant.row("table grant", table, privilege) | {
                "table_id": tenant.table_id(table),
                "privilege": privilege,
                "role_name": "authenticated" if turn % 3 else "administrator",
                "field_ids": some if privilege == "update" else pick((None, []), turn),
            }


def _remark(tenant: Tenant, name: str, turn: int) -> str | None:
    """Return a plain sentence, nothing, or an awkward text."""
    return pick((f"The {name} of {tenant.title}.", None, pick(TEXTS, turn // 3)), turn)
