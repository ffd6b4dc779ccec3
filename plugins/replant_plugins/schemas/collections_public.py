"""The 20 tables that describe the databases of the platform: their schemas, tables and fields.

Every row belongs to one database, save those of `extension`: they are shared, and only those are
wanted that an exported row of `database_extension` names.
"""

from __future__ import annotations

from importlib.resources import files

from replant.model import ByColumn, Catalog, Registration, Settings, WhereReferenced
from replant.plugins.hookspecs import hookimpl
from replant_plugins.schemas.declaring import declare, where_wanted

REGISTRATIONS = declare(
    files("replant_plugins.schemas") / "collections_public.lock.toml",
    rows=ByColumn("database_id", scope="database_id"),
    rows_of={
        "collections_public.database": ByColumn("id", scope="database_id"),
        "collections_public.extension": WhereReferenced(),
    },
)


@hookimpl
def register_tables(catalog: Catalog, configuration: Settings) -> tuple[Registration, ...]:
    """Register every table, whether the source has it or not: one that is gone must be noticed.

    In a database of another sort, where nobody asked for this plugin, it registers none.
    """
    return where_wanted("collections_public", REGISTRATIONS, catalog, configuration)
