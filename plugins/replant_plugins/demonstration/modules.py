"""A tenant comes in; the modules that the platform built into its database go out as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from uuid import UUID

from replant_plugins.demonstration.awkward import ARRAYS, INTEGERS, INTERVALS, JSONB, TEXTS, pick
from replant_plugins.demonstration.fields import Layout
from replant_plugins.demonstration.tenants import Row, Rows, Tenant

#: What a uuid column without foreign key holds when nobody has set it.
_NIL = UUID(int=0)

#: The tables that each module made or uses, by the column that holds the table's key.
_TABLES: Mapping[str, Mapping[str, str]] = {
    "users_module": {"table_id": "users", "type_table_id": "role_types"},
    "emails_module": {"table_id": "emails", "owner_table_id": "users"},
    "phone_numbers_module": {"table_id": "phone_numbers", "owner_table_id": "users"},
    "connected_accounts_module": {"table_id": "connected_accounts", "owner_table_id": "users"},
    "crypto_addresses_module": {"table_id": "crypto_addresses", "owner_table_id": "users"},
    "secrets_module": {"table_id": "secrets"},
    "encrypted_secrets_module": {"table_id": "encrypted_secrets"},
    "membership_types_module": {"table_id": "membership_types"},
    "crypto_auth_module": {
        "users_table_id": "users",
        "tokens_table_id": "api_tokens",
        "secrets_table_id": "secrets",
    },
    "user_auth_module": {
        "emails_table_id": "emails",
        "users_table_id": "users",
        "secrets_table_id": "secrets",
        "encrypted_table_id": "encrypted_secrets",
        "tokens_table_id": "api_tokens",
        "audits_table_id": "audit_logs",
    },
    "rls_module": {"tokens_table_id": "api_tokens", "users_table_id": "users"},
    "invites_module": {
        "emails_table_id": "emails",
        "users_table_id": "users",
        "invites_table_id": "invites",
        "claimed_invites_table_id": "claimed_invites",
    },
    "levels_module": {
        "steps_table_id": "steps",
        "achievements_table_id": "achievements",
        "levels_table_id": "levels",
        "level_requirements_table_id": "level_requirements",
        "actor_table_id": "users",
    },
    "limits_module": {
        "table_id": "usage_limits",
        "default_table_id": "usage_limit_defaults",
        "actor_table_id": "users",
    },
    "permissions_module": {
        "table_id": "permissions",
        "default_table_id": "permission_defaults",
        "actor_table_id": "users",
    },
    "memberships_module": {
        "memberships_table_id": "memberships",
        "members_table_id": "members",
        "membership_defaults_table_id": "membership_defaults",
        "grants_table_id": "membership_grants",
        "actor_table_id": "users",
        "limits_table_id": "usage_limits",
        "default_limits_table_id": "usage_limit_defaults",
        "permissions_table_id": "permissions",
        "default_permissions_table_id": "permission_defaults",
        "acl_table_id": "access_entries",
        "admin_grants_table_id": "admin_grants",
        "owner_grants_table_id": "owner_grants",
    },
}

#: The columns beside which a module records no name, most of them because another module made the
#: table.
_NAMELESS = {
    "acl_table_id",
    "actor_table_id",
    "default_limits_table_id",
    "default_permissions_table_id",
    "emails_table_id",
    "encrypted_table_id",
    "limits_table_id",
    "owner_table_id",
    "permissions_table_id",
    "secrets_table_id",
    "tokens_table_id",
    "users_table_id",
}

#: The modules that exist once for the application and once for its groups.
_PER_MEMBERSHIP = {
    "invites_module",
    "levels_module",
    "limits_module",
    "memberships_module",
    "permissions_module",
}

#: The modules that keep a schema for what only they may touch.
_WITH_PRIVATE_SCHEMA = _PER_MEMBERSHIP | {
    "connected_accounts_module",
    "crypto_addresses_module",
    "emails_module",
    "phone_numbers_module",
    "rls_module",
}


def modules(tenant: Tenant, layout: Layout) -> Iterator[Rows]:
    """Yield the rows of all modules, each with the tables of the tenant that it made."""
    for module in _TABLES:
        yield f"meta_public.{module}", _module_rows(tenant, module)
    yield "meta_public.tokens_module", _tokens_modules(tenant)
    yield "meta_public.uuid_module", _uuid_modules(tenant)
    yield "meta_public.default_ids_module", [tenant.row("default_ids_module")]
    yield "meta_public.field_module", _field_modules(tenant, layout)
    yield "meta_public.denormalized_table_field", _denormalized(tenant, layout)


def _module_rows(tenant: Tenant, module: str) -> Iterator[Row]:
    if module in _PER_MEMBERSHIP:
        for membership_type in (1, 2**31 - 1):
            row = _module_row(tenant, module, membership_type)
            yield row | _membership(tenant, module, membership_type)
    elif module == "crypto_auth_module":
        # The one reference without foreign key that nobody set: it must stay the nil uuid.
        extra = {"addresses_table_id": _NIL, "user_field": "user_id", "crypto_network": "ETH\\x"}
        yield _module_row(tenant, module) | extra
    elif module == "rls_module":
        for api in ("public", "app"):
            row = _module_row(tenant, module, api)
            yield row | {"api_id": tenant.key("api", api), "current_role": f"{tenant.name}.me"}
    else:
        yield _module_row(tenant, module)


def _module_row(tenant: Tenant, module: str, which: object = "only") -> Row:
    row = tenant.row(module, which) | {"schema_id": tenant.schema_id("identity")}
    if module in _WITH_PRIVATE_SCHEMA:
        row["private_schema_id"] = tenant.schema_id("membership")
    for column, table in _TABLES[module].items():
        row[column] = tenant.table_id(table)
        if column not in _NAMELESS:
            row[column.removesuffix("_id") + "_name"] = table
    return row


def _membership(tenant: Tenant, module: str, membership_type: int) -> Row:
    """Return what differs between the application's module and that of its groups."""
    of_group = membership_type != 1
    row: Row = {
        "membership_type": membership_type,
        "prefix": f"{tenant.name}'s" if of_group else None,
        "entity_table_id": tenant.table_id("members") if of_group else None,
    }
    if module == "memberships_module":
        row["entity_table_owner_id"] = tenant.field_id("members", "id") if of_group else None
        row["entity_ids_function"] = None if of_group else "entity_ids\r\n"
    return row


def _tokens_modules(tenant: Tenant) -> Iterator[Row]:
    for turn, interval in enumerate(INTERVALS):
        yield tenant.row("tokens_module", turn) | {
            "schema_id": tenant.schema_id("identity"),
            "table_id": tenant.table_id("api_tokens"),
            "owned_table_id": tenant.table_id("users"),
            "tokens_default_expiration": interval,
            "tokens_table": f"{tenant.name}_tokens_{turn}",
        }


def _uuid_modules(tenant: Tenant) -> Iterator[Row]:
    for turn, text in enumerate(TEXTS):
        yield tenant.row("uuid_module", turn) | {
            "schema_id": tenant.schema_id(pick(tuple(tenant.schemas), turn)),
            "uuid_function": "uuid_generate_v4",
            "uuid_seed": text,
        }


def _field_modules(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    for turn, (table, fields) in enumerate(layout.items()):
        yield tenant.row("field_module", table) | {
            "private_schema_id": tenant.schema_id("membership"),
            "table_id": tenant.table_id(table),
            "field_id": tenant.field_id(table, fields[-1].name),
            "data": pick(JSONB, turn) or "[]",
            "triggers": pick(ARRAYS, turn),
            "functions": pick(ARRAYS, turn // 2),
        }


def _denormalized(tenant: Tenant, layout: Layout) -> Iterator[Row]:
    turn = 0
    for table, fields in layout.items():
        for field in fields:
            if field.references is None:
                continue
            turn += 1
            copied = layout[field.references][-1].name
            own, other = tenant.field_id(table, field.name), tenant.field_id(field.references, "id")
            yield tenant.row("denormalized_table_field", table, field.name) | {
                "table_id": tenant.table_id(table),
                "field_id": own,
                "set_ids": pick(([own], None, []), turn),
                "ref_table_id": tenant.table_id(field.references),
                "ref_field_id": tenant.field_id(field.references, copied),
                "ref_ids": pick(([other, other], [], None), turn),
                "use_updates": turn % 2 == 0,
                "update_defaults": turn % 3 == 0,
                "func_name": pick(TEXTS, turn),
                "func_order": pick(INTEGERS, turn),
            }
