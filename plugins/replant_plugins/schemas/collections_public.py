"""The 20 tables that describe the databases of the platform: their schemas, tables and fields.

Every row belongs to one database, save those of `extension`: they are shared, and only those are
wanted that an exported row of `database_extension` names.
"""

from __future__ import annotations

from replant.host.hookspecs import hookimpl
from replant.model import ByColumn, Registration, WhereReferenced
from replant_plugins.schemas.declaring import declare

COLUMNS = {
    "check_constraint": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text, type text,
        field_ids uuid[] not null, expr jsonb
    """,
    "database": """
        id uuid not null, owner_id uuid, schema_hash text, schema_name text,
        private_schema_name text, name text, label text, hash uuid
    """,
    "database_extension": "name text not null, database_id uuid not null",
    "extension": "name text not null, public_schemas text[], private_schemas text[]",
    "field": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text not null,
        label text, description text, smart_tags jsonb, is_required boolean not null,
        default_value text, is_hidden boolean not null, type public.citext not null,
        field_order integer not null, regexp text, chk jsonb, chk_expr jsonb, min double precision,
        max double precision, tags public.citext[] not null
    """,
    "foreign_key_constraint": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text,
        description text, smart_tags jsonb, type text, field_ids uuid[] not null,
        ref_table_id uuid not null, ref_field_ids uuid[] not null, delete_action character(1),
        update_action character(1)
    """,
    "full_text_search": """
        id uuid not null, database_id uuid not null, table_id uuid not null, field_id uuid not null,
        field_ids uuid[] not null, weights text[] not null, langs text[] not null
    """,
    "index": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text not null,
        field_ids uuid[], include_field_ids uuid[], access_method text not null, index_params jsonb,
        where_clause jsonb, is_unique boolean not null
    """,
    "limit_function": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text, label text,
        description text, data jsonb, security integer
    """,
    "policy": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text,
        role_name text, privilege text, permissive boolean, disabled boolean, template text,
        data jsonb
    """,
    "primary_key_constraint": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text, type text,
        field_ids uuid[] not null
    """,
    "procedure": """
        id uuid not null, database_id uuid not null, name text not null, argnames text[],
        argtypes text[], argdefaults text[], lang_name text, definition text
    """,
    "rls_function": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text, label text,
        description text, data jsonb, inline boolean, security integer
    """,
    "schema": """
        id uuid not null, database_id uuid not null, name text not null, schema_name text not null,
        label text, description text
    """,
    "schema_grant": """
        id uuid not null, database_id uuid not null, schema_id uuid not null,
        grantee_name text not null
    """,
    "table": """
        id uuid not null, database_id uuid not null, schema_id uuid not null, name text not null,
        label text, description text, smart_tags jsonb,
        category collections_public.table_category not null, module text, scope integer,
        use_rls boolean not null, timestamps boolean not null, peoplestamps boolean not null,
        plural_name text, singular_name text, tags public.citext[] not null, inherits_id uuid
    """,
    "table_grant": """
        id uuid not null, database_id uuid not null, table_id uuid not null,
        privilege text not null, role_name text not null, field_ids uuid[]
    """,
    "trigger": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text not null,
        event text, function_name text
    """,
    "trigger_function": """
        id uuid not null, database_id uuid not null, name text not null, code text
    """,
    "unique_constraint": """
        id uuid not null, database_id uuid not null, table_id uuid not null, name text,
        description text, smart_tags jsonb, type text, field_ids uuid[] not null
    """,
}

REGISTRATIONS = declare(
    "collections_public",
    COLUMNS,
    rows=ByColumn("database_id", scope="database_id"),
    rows_of={
        "database": ByColumn("id", scope="database_id"),
        "extension": WhereReferenced(),
    },
)


@hookimpl
def register_tables() -> tuple[Registration, ...]:
    """Register every table, whether the source has it or not: one that is gone must be noticed."""
    return REGISTRATIONS
