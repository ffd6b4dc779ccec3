"""What plugin authors use in their own tests, and what `replant demo` shows.

This page lists the public names; each is documented where it is defined. They are imported when
they are first used: most need the package `hypothesis`, and the plugin for pytest must not.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replant.testing.databases import Deploy, Templates
    from replant.testing.demonstration import Demonstration
    from replant.testing.examples import Example, examples_for
    from replant.testing.registry import Registry
    from replant.testing.round_trip import RoundTrip, Way
    from replant.testing.rows import Contents, Row, Rows, contents, first_difference, insert_rows
    from replant.testing.server import (
        Database,
        Server,
        embedded_program,
        embedded_server,
        grant,
        local_server,
        own_server,
    )
    from replant.testing.sides import Side, opened
    from replant.testing.stage import Stage
    from replant.testing.strategies import Tenants, rows_for, tenants_for
    from replant.testing.suite import Conformance, conformance
    from replant.testing.values import Values, values_of

_HOMES = {
    "replant.testing.suite": "Conformance conformance",
    "replant.testing.databases": "Deploy Templates",
    "replant.testing.demonstration": "Demonstration",
    "replant.testing.examples": "Example examples_for",
    "replant.testing.registry": "Registry",
    "replant.testing.round_trip": "RoundTrip Way",
    "replant.testing.rows": "Contents Row Rows contents first_difference insert_rows",
    "replant.testing.server": (
        "Database Server embedded_program embedded_server grant local_server own_server"
    ),
    "replant.testing.sides": "Side opened",
    "replant.testing.stage": "Stage",
    "replant.testing.strategies": "Tenants rows_for tenants_for",
    "replant.testing.values": "Values values_of",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Conformance",
    "Contents",
    "Database",
    "Demonstration",
    "Deploy",
    "Example",
    "Registry",
    "RoundTrip",
    "Row",
    "Rows",
    "Server",
    "Side",
    "Stage",
    "Templates",
    "Tenants",
    "Values",
    "Way",
    "conformance",
    "contents",
    "embedded_program",
    "embedded_server",
    "examples_for",
    "first_difference",
    "grant",
    "insert_rows",
    "local_server",
    "opened",
    "own_server",
    "rows_for",
    "tenants_for",
    "values_of",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home; PEP 562."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
