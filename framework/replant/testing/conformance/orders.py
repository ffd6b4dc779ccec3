"""Checks the load orders of a strategy by themselves, without moving a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from replant.model import LoadOrder, OrderRequest
from replant.testing.conformance.environment import Environment


def check_complete(environment: Environment, strategy: str) -> None:
    """Ask for an order with and without rows, and for roles with more and with fewer privileges.

    The host refuses one that forgets a table, or loads it twice.

    Raises:
        PluginError: the plugin fails, or gives such an order.

    """
    for request in _requests(environment, strategy):
        _order(environment, strategy, request)


def check_same(environment: Environment, strategy: str) -> None:
    """Ask twice for the order of the same tables.

    Raises:
        AssertionError: the second is another.

    """
    for request in _requests(environment, strategy):
        first, second = (_order(environment, strategy, request) for _ in range(2))
        assert first == second, f"{strategy}: the second order is another: {first}, then {second}"


def check_all_named(
    environment: Environment, plugins: Sequence[str], named: Iterable[str], *, formats: bool = False
) -> None:
    """Compare the strategies, or formats, that plugins declare with those that are tested.

    Raises:
        AssertionError: one is declared and not tested.

    """
    declared = environment.as_inserter.host.declared
    names = [
        name
        for plugin in plugins
        if plugin in declared
        for name in (declared[plugin].formats if formats else declared[plugin].strategies)
    ]
    missing = [name for name in names if name not in named]
    argument = "formats" if formats else "strategies"
    assert not missing, f"not tested: {', '.join(missing)}; add it to {argument}=[…]"


def _requests(environment: Environment, strategy: str) -> Iterator[OrderRequest]:
    """Yield the requests for the registered tables, of a plan and of replays."""
    catalog = environment.trip.source.catalog
    tables = [catalog.tables[name] for name in sorted(environment.tables) if name in catalog.tables]
    names = {table.name for table in tables}
    request = OrderRequest(
        strategy=strategy,
        tables=tuple(sorted(names)),
        foreign_keys=tuple(
            key
            for table in tables
            for key in table.foreign_keys
            if key.enforced and key.references in names
        ),
        row_counts=dict.fromkeys(names, 1),
        nullable=frozenset((t.name, c.name) for t in tables for c in t.columns if not c.not_null),
        keyed=frozenset(table.name for table in tables if table.identifying_columns),
    )
    yield request
    yield evolve(request, row_counts=dict.fromkeys(names, 0))
    yield evolve(request, nullable=frozenset())
    yield evolve(request, may_be_replica=True)


def _order(environment: Environment, strategy: str, request: OrderRequest) -> LoadOrder:
    host = environment.by_strategy[strategy].host
    return host.order_tables(request, environment.trip.settings.plugins)
