"""Defines the two tenants of the demonstration: their names and tables.

Every key is derived from a tenant's host name and a path, so it is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

from attrs import frozen

#: The values of one row, by column; a column that is left out gets its default.
Row = dict[str, Any]

#: A table, as `schema.table`, and rows of it that all name the same columns.
Rows = tuple[str, Iterable[Row]]

#: What every tenant of the platform has, because the modules of `meta_public` refer to it.
_IDENTITY = (
    "users role_types emails phone_numbers connected_accounts crypto_addresses secrets"
    " encrypted_secrets api_tokens audit_logs invites claimed_invites levels steps achievements"
    " level_requirements"
)
_MEMBERSHIP = (
    "membership_types memberships members membership_defaults membership_grants access_entries"
    " admin_grants owner_grants usage_limits usage_limit_defaults permissions permission_defaults"
)


@frozen
class Tenant:
    """A customer of the platform, and what its database holds.

    Attributes:
        name: its name as an identifier; it occurs in the rows of no other tenant.
        title: its name for people; likewise.
        host: the host name under which its sites are found; likewise.
        schemas: the tables of each schema, separated by spaces.
        extensions: its extensions; no two tenants can have the same one.

    """

    name: str
    title: str
    host: str
    schemas: Mapping[str, str]
    extensions: tuple[str, ...]

    @property
    def database_id(self) -> UUID:
        """The key of its one row in `collections_public.database`."""
        return self.key("database")

    def key(self, *path: object) -> UUID:
        """Return the key of the row that `path` leads to."""
        return uuid5(uuid5(NAMESPACE_DNS, self.host), "/".join(map(str, path)))

    def row(self, *path: object) -> Row:
        """Return the two columns that nearly every row has: its own key, its database's key."""
        return {"id": self.key(*path), "database_id": self.database_id}

    def schema_id(self, schema: str) -> UUID:
        """Return the key of a schema."""
        return self.key("schema", schema)

    def table_id(self, table: str) -> UUID:
        """Return the key of a table; its name is unique in all schemas of the tenant."""
        return self.key("table", table)

    def field_id(self, table: str, field: str) -> UUID:
        """Return the key of a field."""
        return self.key("field", table, field)

    def tables(self) -> Iterator[tuple[str, str]]:
        """Yield the schema and name of each table."""
        for schema, names in self.schemas.items():
            for name in names.split():
                yield schema, name


SHOP = Tenant(
    name="larkfield_market",
    title="Larkfield Market",
    host="larkfield.example",
    schemas={
        "identity": _IDENTITY,
        "membership": _MEMBERSHIP,
        "catalog": "product product_variant brand category collection attribute review bundle",
        "sales": "order order_item cart cart_item coupon payment refund shipment invoice",
        "inventory": "warehouse shelf stock_level supplier purchase delivery batch stocktake",
        "content": 'page block menu banner redirect crème_brûlée "quoted"_note back\\slash',
    },
    extensions=("citext", "pg_trgm", "uuid-ossp"),
)

FORUM = Tenant(
    name="harbour_talk",
    title="Harbour Talk",
    host="harbour.example",
    schemas={
        "identity": _IDENTITY,
        "membership": _MEMBERSHIP,
        "discussion": "board topic post quotation poll poll_option vote bookmark",
        "moderation": "report verdict ban appeal word_filter ip_range warning case_note",
        "messaging": "conversation message recipient draft attachment reaction mention receipt",
        "gathering": "meetup venue attendance berth tide_table логбук 灯台 it's_$$_here",
    },
    extensions=("hstore", "postgis"),
)

TENANTS = (SHOP, FORUM)
