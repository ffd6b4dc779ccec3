"""The strategy `superuser`: tables in name order, foreign keys switched off and checked after.

`session_replication_role = replica` needs a superuser, or from PostgreSQL 15 on a role that was
granted SET on the parameter. It also keeps ordinary triggers from firing. Nothing checks the rows
while they come, so every foreign key of the loaded tables is checked at the end.
"""

from __future__ import annotations

from replant.host.hookspecs import hookimpl
from replant.model import AsReplica, CheckForeignKeys, LoadOrder, LoadTable, OrderRequest

NAME = "superuser"


@hookimpl
def order_tables(request: OrderRequest) -> LoadOrder | None:
    """Any order will do, so the tables' names decide."""
    if request.strategy != NAME:
        return None
    return LoadOrder(
        steps=tuple(LoadTable(table) for table in request.tables),
        before=(AsReplica(),),
        after=(CheckForeignKeys(),),
        needs=(
            "SET on the parameter session_replication_role (superuser, or a GRANT)",
            "SELECT on the loaded tables and on those that they reference",
        ),
    )
