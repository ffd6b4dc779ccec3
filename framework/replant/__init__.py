"""replant: move a consistent set of rows between PostgreSQL databases, exactly, with proof.

This page lists the public names; each is documented where it is defined. They are imported when
they are first used, so that a command line that only wants to print its help stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replant.api import (
        drift,
        drift_against,
        drift_of_artifact,
        export,
        plan,
        plugins,
        preflight,
        propose,
        record,
        replay,
        verify,
        why,
        why_in_artifact,
    )
    from replant.config.reading import read_settings
    from replant.config.recorded import Recorded, read_recorded
    from replant.errors import (
        ArtifactError,
        BudgetError,
        CatalogMismatchError,
        ConfigurationError,
        DanglingReferenceError,
        DatabaseError,
        OutputError,
        PluginError,
        PreflightError,
        PrivilegeError,
        ReplantError,
        ReplayError,
        ScopeError,
        UsageError,
    )
    from replant.host.hookspecs import hookimpl
    from replant.model import (
        AllRows,
        AsReplica,
        ByColumn,
        ByPredicate,
        Catalog,
        CheckForeignKeys,
        Children,
        Column,
        Cycle,
        Dangling,
        DeferConstraints,
        EdgeRule,
        ExportSettings,
        ForeignKey,
        InClosure,
        LoadOrder,
        LoadTable,
        LoadTogether,
        OrderRequest,
        PatchColumns,
        Plan,
        PluginSettings,
        PythonFunction,
        PythonRow,
        Registration,
        RelationName,
        Settings,
        SqlExpression,
        Table,
        TableSettings,
        TableShape,
        ThroughForeignKey,
        WhereReferenced,
    )

__version__ = "0.1.0"

_HOMES = {
    "replant.api": (
        "drift drift_against drift_of_artifact export plan plugins preflight propose record replay "
        "verify why why_in_artifact"
    ),
    "replant.config.reading": "read_settings",
    "replant.config.recorded": "Recorded read_recorded",
    "replant.errors": (
        "ArtifactError BudgetError CatalogMismatchError ConfigurationError "
        "DanglingReferenceError DatabaseError OutputError PluginError PreflightError "
        "PrivilegeError ReplantError ReplayError ScopeError UsageError"
    ),
    "replant.host.hookspecs": "hookimpl",
    "replant.model": (
        "AllRows AsReplica ByColumn ByPredicate Catalog CheckForeignKeys Children Column Cycle "
        "Dangling DeferConstraints EdgeRule ExportSettings ForeignKey InClosure LoadOrder "
        "LoadTable LoadTogether OrderRequest PatchColumns Plan PluginSettings PythonFunction "
        "PythonRow Registration RelationName Settings SqlExpression Table TableSettings "
        "TableShape ThroughForeignKey WhereReferenced"
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AllRows",
    "ArtifactError",
    "AsReplica",
    "BudgetError",
    "ByColumn",
    "ByPredicate",
    "Catalog",
    "CatalogMismatchError",
    "CheckForeignKeys",
    "Children",
    "Column",
    "ConfigurationError",
    "Cycle",
    "Dangling",
    "DanglingReferenceError",
    "DatabaseError",
    "DeferConstraints",
    "EdgeRule",
    "ExportSettings",
    "ForeignKey",
    "InClosure",
    "LoadOrder",
    "LoadTable",
    "LoadTogether",
    "OrderRequest",
    "OutputError",
    "PatchColumns",
    "Plan",
    "PluginError",
    "PluginSettings",
    "PreflightError",
    "PrivilegeError",
    "PythonFunction",
    "PythonRow",
    "Recorded",
    "Registration",
    "RelationName",
    "ReplantError",
    "ReplayError",
    "ScopeError",
    "Settings",
    "SqlExpression",
    "Table",
    "TableSettings",
    "TableShape",
    "ThroughForeignKey",
    "UsageError",
    "WhereReferenced",
    "__version__",
    "drift",
    "drift_against",
    "drift_of_artifact",
    "export",
    "hookimpl",
    "plan",
    "plugins",
    "preflight",
    "propose",
    "read_recorded",
    "read_settings",
    "record",
    "replay",
    "verify",
    "why",
    "why_in_artifact",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home; PEP 562."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
