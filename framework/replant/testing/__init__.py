"""Provides what plugin authors use in their own tests, and what `replant demo` shows.

This page lists the public names; each is documented where it is defined. They are imported when
they are first used: most need the package `hypothesis`, and the plugin for pytest must not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replant.lazy_names import publish

if TYPE_CHECKING:
    from replant.testing.conformance.environment import Environment
    from replant.testing.conformance.examples import Example, examples_for
    from replant.testing.conformance.format_suite import FormatConformance
    from replant.testing.conformance.round_trip import ReplayMethod, RoundTrip
    from replant.testing.conformance.strategy_suite import StrategyConformance
    from replant.testing.conformance.suite import Conformance, conformance
    from replant.testing.demonstration import Demonstration, deploy_demonstration
    from replant.testing.generation.registry import Registry
    from replant.testing.generation.row_strategies import Tenants, rows_for, tenants_for
    from replant.testing.generation.values import Values, values_of
    from replant.testing.row_builder import RowBuilder
    from replant.testing.rows import Contents, Row, Rows, contents, first_difference, insert_rows
    from replant.testing.servers.database_templates import Deploy, Templates
    from replant.testing.servers.example_database import ExampleDatabase, open_example_database
    from replant.testing.servers.server import (
        Database,
        Server,
        embedded_program,
        embedded_server,
        grant,
        local_server,
        own_server,
    )

_HOMES = {
    "replant.testing.conformance.suite": "Conformance conformance",
    "replant.testing.conformance.strategy_suite": "StrategyConformance",
    "replant.testing.conformance.format_suite": "FormatConformance",
    "replant.testing.servers.database_templates": "Deploy Templates",
    "replant.testing.demonstration": "Demonstration deploy_demonstration",
    "replant.testing.conformance.examples": "Example examples_for",
    "replant.testing.generation.registry": "Registry",
    "replant.testing.conformance.round_trip": "RoundTrip ReplayMethod",
    "replant.testing.row_builder": "RowBuilder",
    "replant.testing.rows": "Contents Row Rows contents first_difference insert_rows",
    "replant.testing.servers.server": (
        "Database Server embedded_program embedded_server grant local_server own_server"
    ),
    "replant.testing.servers.example_database": "ExampleDatabase open_example_database",
    "replant.testing.conformance.environment": "Environment",
    "replant.testing.generation.row_strategies": "Tenants rows_for tenants_for",
    "replant.testing.generation.values": "Values values_of",
}

__all__ = [
    "Conformance",
    "Contents",
    "Database",
    "Demonstration",
    "Deploy",
    "Environment",
    "Example",
    "ExampleDatabase",
    "FormatConformance",
    "Registry",
    "ReplayMethod",
    "RoundTrip",
    "Row",
    "RowBuilder",
    "Rows",
    "Server",
    "StrategyConformance",
    "Templates",
    "Tenants",
    "Values",
    "conformance",
    "contents",
    "deploy_demonstration",
    "embedded_program",
    "embedded_server",
    "examples_for",
    "first_difference",
    "grant",
    "insert_rows",
    "local_server",
    "open_example_database",
    "own_server",
    "rows_for",
    "tenants_for",
    "values_of",
]

publish(__name__, _HOMES)
