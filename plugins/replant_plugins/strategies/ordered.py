"""Provides the strategy `ordered`: referenced rows first, by INSERT alone wherever possible.

Tables come in levels by their foreign keys, and cycles are broken as
`replant_plugins.strategies.cycles` tells. Foreign keys are never switched off.
"""

from __future__ import annotations

from replant.model import LoadOrder, OrderRequest
from replant.plugins.hookspecs import hookimpl
from replant_plugins.strategies.cycles import joined, parts_of

NAME = "ordered"
STRATEGIES = (NAME,)


@hookimpl
def order_tables(request: OrderRequest) -> LoadOrder:
    """Order tables by foreign keys, with the weakest means for each cycle."""
    return joined(parts_of(request))
