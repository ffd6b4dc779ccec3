"""Provides the strategy `auto`: looks at the target, and takes the weakest means that work.

It orders as `ordered` does. Only where that leaves a statement whose memory grows with its rows,
and the target's role may, foreign keys are switched off and checked at the end. An artifact that
was exported with it is ordered anew in each target.
"""

from __future__ import annotations

from replant.model import LoadOrder, OrderRequest
from replant.plugins.hookspecs import hookimpl
from replant_plugins.strategies.cycles import as_replica, joined, parts_of

NAME = "auto"
STRATEGIES = (NAME,)


@hookimpl
def order_tables(request: OrderRequest) -> LoadOrder:
    """Order tables as `ordered` does, or as `superuser` where nothing else bounds memory."""
    parts = parts_of(request)
    costly = [part for part in parts if part.unbounded]
    if costly and request.may_be_replica:
        tables = ", ".join(str(table) for part in costly for c in part.cycles for table in c.tables)
        reasons = ", ".join(dict.fromkeys(part.unbounded for part in costly))
        why = f"for the sake of {tables}: {reasons}"
        return as_replica(request, f"foreign keys switched off, and checked at the end, {why}")
    return joined(parts)
