"""The 31 tables that say what the platform does with a database: its APIs, sites and modules.

Every row belongs to one database. `dbname` holds the name of the PostgreSQL database that the row
lives in, so on replay it is left to its default, which is the target's own name.
"""

from __future__ import annotations

from importlib.resources import files

from replant.model import ByColumn, Catalog, Registration, Settings
from replant.plugins.hookspecs import hookimpl
from replant_plugins.schemas.declaring import declare, where_wanted

REGISTRATIONS = declare(
    files("replant_plugins.schemas") / "meta_public.lock.toml",
    rows=ByColumn("database_id", scope="database_id"),
    omit={"meta_public.apis": ("dbname",), "meta_public.sites": ("dbname",)},
)


@hookimpl
def register_tables(catalog: Catalog, configuration: Settings) -> tuple[Registration, ...]:
    """Register every table, whether the source has it or not: one that is gone must be noticed.

    In a database of another sort, where nobody asked for this plugin, it registers none.
    """
    return where_wanted("meta_public", REGISTRATIONS, catalog, configuration)
