"""replant: move a consistent set of rows between PostgreSQL databases, exactly, with proof.

This page lists the public names; each is documented where it is defined. They are imported when
they are first used, so that a command line that only wants to print its help stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replant.lazy_names import publish

if TYPE_CHECKING:
    from replant.api import (
        copy,
        diff,
        drift,
        drift_against,
        drift_of_artifact,
        export,
        export_each,
        plan,
        plugins,
        preflight,
        propose,
        record,
        remove,
        replay,
        show,
        sync,
        verify,
        why,
        why_in_artifact,
    )
    from replant.config.read_settings import read_settings
    from replant.config.recorded_shapes import Recorded, read_recorded
    from replant.errors import (
        ArtifactError,
        BudgetError,
        CatalogMismatchError,
        ChangeError,
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
    from replant.model import (
        AllRows,
        AmongShared,
        AsReplica,
        ByColumn,
        ByPredicate,
        Cases,
        Catalog,
        CheckForeignKeys,
        Children,
        Column,
        Cycle,
        Dangling,
        DeferConstraints,
        EdgeRule,
        ExportedTables,
        ExportSettings,
        ForeignKey,
        InClosure,
        LoadOrder,
        LoadTable,
        LoadTogether,
        Match,
        OnConflict,
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
    from replant.plugins.hookspecs import hookimpl

__version__ = "0.1.0"

_HOMES = {
    "replant.api": (
        "copy diff drift drift_against drift_of_artifact export export_each plan plugins preflight "
        "propose record remove replay show sync verify why why_in_artifact"
    ),
    "replant.config.read_settings": "read_settings",
    "replant.config.recorded_shapes": "Recorded read_recorded",
    "replant.errors": (
        "ArtifactError BudgetError CatalogMismatchError ChangeError ConfigurationError "
        "DanglingReferenceError DatabaseError OutputError PluginError PreflightError "
        "PrivilegeError ReplantError ReplayError ScopeError UsageError"
    ),
    "replant.plugins.hookspecs": "hookimpl",
    "replant.model": (
        "AllRows AmongShared AsReplica ByColumn ByPredicate Cases Catalog "
        "CheckForeignKeys Children Column Cycle Dangling DeferConstraints EdgeRule "
        "ExportSettings ExportedTables ForeignKey InClosure LoadOrder LoadTable "
        "LoadTogether Match OnConflict OrderRequest PatchColumns Plan PluginSettings "
        "PythonFunction PythonRow Registration RelationName Settings SqlExpression "
        "Table TableSettings TableShape ThroughForeignKey WhereReferenced"
    ),
}

__all__ = [
    "AllRows",
    "AmongShared",
    "ArtifactError",
    "AsReplica",
    "BudgetError",
    "ByColumn",
    "ByPredicate",
    "Cases",
    "Catalog",
    "CatalogMismatchError",
    "ChangeError",
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
    "ExportedTables",
    "ForeignKey",
    "InClosure",
    "LoadOrder",
    "LoadTable",
    "LoadTogether",
    "Match",
    "OnConflict",
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
    "copy",
    "diff",
    "drift",
    "drift_against",
    "drift_of_artifact",
    "export",
    "export_each",
    "hookimpl",
    "plan",
    "plugins",
    "preflight",
    "propose",
    "read_recorded",
    "read_settings",
    "record",
    "remove",
    "replay",
    "show",
    "sync",
    "verify",
    "why",
    "why_in_artifact",
]

publish(__name__, _HOMES)
