"""A tenant comes in; the constraints, indexes, policies and functions of its tables go out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

from replant_plugins.demonstration.awkward import ARRAYS, INTEGERS, JSONB, TEXTS, pick
from replant_plugins.demonstration.fields import Layout
from replant_plugins.demonstration.tenants import Row, Rows, Tenant

_ACTIONS = ("c", "a", "n", "r", None, " ")


def rules(tenant: Tenant, layout: Layout) -> Iterator[Rows]:
    """Yield the rows that say what holds for the tables, and who may do what with them."""
    yield "collections_public.primary_key_constraint", _primary_keys(tenant, layout)
    yield "collections_public.unique_constraint", _unique_constraints(tenant, layout)
    yield "collections_public.foreign_key_constraint", _foreign_keys(tenant, layout)
    yield "collections_public.check_constraint", _check_constraints(tenant, layout)
    yield "collections_public.index", _indexes(tenant, layout)
    yield "collections_public.full_text_search", _full_text_searches(tenant, layout)
    yield "collections_public.policy", _policies(tenant)
    yield "collections_public.limit_function", _limit_functions(tenant)
    yield "collections_public.rls_function", _rls_functions(tenant)
    yield "collections_public.procedure", _procedures(tenant)
    yield "collections_public.trigger", _triggers(tenant)
    yield "collections_public.trigger_function", _trigger_functions(tenant)


def _primary_keys(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for table in layout:
        yield tenant.row("primary key", table) | {
            "table_id": tenant.table_id(table),
            "name": f"{table}_pkey",
            "type": "p",
            "field_ids": [tenant.field_id(table, "id")],
        }


def _unique_constraints(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for turn, (table, field_ids) in enumerate(_tables_with(tenant, layout, "slug", "locale")):
        yield tenant.row("unique", table) | {
            "table_id": tenant.table_id(table),
            "name": f"{table}_slug_locale_key",
            "description": pick(TEXTS, turn),
            "smart_tags": pick(JSONB, turn),
            "type": "u",
            "field_ids": field_ids,
        }


def _foreign_keys(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    turn = 0
    for table, fields in layout.items():
        for field in fields:
            if field.references is None:
                continue
            turn += 1
            yield tenant.row("foreign key", table, field.name) | {
                "table_id": tenant.table_id(table),
                "name": f"{table}_{field.name}_fkey",
                "description": pick((None, pick(TEXTS, turn)), turn),
                "smart_tags": pick(JSONB, turn),
                "type": "f",
                "field_ids": [tenant.field_id(table, field.name)],
                "ref_table_id": tenant.table_id(field.references),
                "ref_field_ids": [tenant.field_id(field.references, "id")],
                "delete_action": pick(_ACTIONS, turn),
                "update_action": pick(_ACTIONS, turn + 1),
            }


def _check_constraints(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for turn, (table, field_ids) in enumerate(_tables_with(tenant, layout, "starts_at", "ends_at")):
        yield tenant.row("check", table) | {
            "table_id": tenant.table_id(table),
            "name": pick((f"{table}_ends_after_start", None), turn),
            "type": pick(("c", None), turn // 2),
            "field_ids": field_ids,
            "expr": pick(JSONB, turn),
        }


def _indexes(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for turn, (table, fields) in enumerate(layout.items()):
        keys = [tenant.field_id(table, field.name) for field in fields]
        yield tenant.row("index", table) | {
            "table_id": tenant.table_id(table),
            "name": f"{table}_{fields[3].name}_idx",
            "field_ids": pick((keys[3:4], keys[3:6], None, []), turn),
            "include_field_ids": pick((None, [], keys[1:3]), turn),
            "access_method": pick(("BTREE", "GIN", "BRIN"), turn),
            "index_params": pick(JSONB, turn),
            "where_clause": pick(JSONB, turn + 3),
            "is_unique": turn % 6 == 0,
        }


def _full_text_searches(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for table, field_ids in _tables_with(tenant, layout, "title", "body"):
        yield tenant.row("full text", table) | {
            "table_id": tenant.table_id(table),
            "field_id": tenant.field_id(table, "title"),
            "field_ids": field_ids,
            "weights": ["A", "D"],
            "langs": ["pg_catalog.simple", 'pg_catalog."english"'],
        }


def _policies(tenant: Tenant) -> Iterator[Row]:
    for turn, (_, table) in enumerate(tenant.tables()):
        for privilege in ("select", "update"):
            yield tenant.row("policy", table, privilege) | {
                "table_id": tenant.table_id(table),
                "name": f'"{privilege}" on {table}; it\'s for members of {tenant.title}',
                "role_name": pick(("authenticated", None, "anonymous"), turn),
                "privilege": privilege,
                "permissive": pick((True, False, None), turn),
                "disabled": pick((False, None, True), turn // 2),
                "template": pick(("own_records", "administrator_records", None), turn),
                "data": _policy_data(tenant, table, turn),
            }


def _policy_data(tenant: Tenant, table: str, turn: int) -> str | None:
    nested = {
        "fields": ["owner_id", {"of": table, "where": pick(TEXTS, turn)}],
        "tenant": {"title": tenant.title, "id": str(tenant.database_id)},
    }
    return pick((json.dumps(nested, indent=turn % 3), pick(JSONB, turn)), turn)


def _limit_functions(tenant: Tenant) -> Iterator[Row]:
    for turn, (_, table) in enumerate(tenant.tables()):
        if turn % 12 == 0:
            yield tenant.row("limit function", table) | {
                "table_id": tenant.table_id(table),
                "name": f"limit_{table}",
                **_described(tenant, table, turn),
            }


def _rls_functions(tenant: Tenant) -> Iterator[Row]:
    for turn, (_, table) in enumerate(tenant.tables()):
        if turn % 8 == 0:
            yield tenant.row("rls function", table) | {
                "table_id": tenant.table_id(table),
                "name": f"may_see_{table}",
                **_described(tenant, table, turn // 8),
                "inline": pick((True, False, None), turn),
            }


def _described(tenant: Tenant, table: str, turn: int) -> Row:
    return {
        "label": pick(TEXTS, turn),
        "description": f"For {table} of {tenant.title}:\n\t'{table}'",
        "data": pick(JSONB, turn),
        "security": pick((*INTEGERS, None), turn),
    }


def _procedures(tenant: Tenant) -> Iterator[Row]:
    for turn, text in enumerate(TEXTS):
        yield tenant.row("procedure", turn) | {
            "name": f"procedure {turn}: {text}",
            "argnames": pick(ARRAYS, turn),
            "argtypes": pick(ARRAYS, turn + 1),
            "argdefaults": pick(ARRAYS, turn + 2),
            "lang_name": pick(("plpgsql", "sql", None), turn),
            "definition": f"BEGIN\n\tRAISE NOTICE $q${text}$q$; -- {tenant.name}\nEND;",
        }


def _triggers(tenant: Tenant) -> Iterator[Row]:
    for turn, (_, table) in enumerate(tenant.tables()):
        yield tenant.row("trigger", table) | {
            "table_id": tenant.table_id(table),
            "name": f"{table}_touch",
            "event": pick(("BEFORE UPDATE", "AFTER INSERT OR DELETE", None), turn),
            "function_name": f"{tenant.name}.touch",
        }


def _trigger_functions(tenant: Tenant) -> Iterator[Row]:
    for turn, text in enumerate(TEXTS):
        yield tenant.row("trigger function", turn) | {
            "name": pick(("touch", "audit", "notify"), turn) + f"_{turn}",
            "code": pick((f"{text}\r\nRETURN NEW; -- {tenant.title}", text, None), turn),
        }


def _tables_with(tenant: Tenant, layout: Layout, *names: str) -> Iterator[tuple[str, list[UUID]]]:
    """Yield the tables that have all the fields of these names, with those fields' keys."""
    for table, fields in layout.items():
        if {field.name for field in fields}.issuperset(names):
            yield table, [tenant.field_id(table, name) for name in names]
