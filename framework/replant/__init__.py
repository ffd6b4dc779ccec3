"""replant: move a consistent set of rows between PostgreSQL databases, exactly, with proof.

This page lists the public names; each is documented where it is defined. They are imported when
they are first used, so that a command line that only wants to print its help stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replant.lazy_names import publish

if TYPE_CHECKING:
    from replant.api import (
        Copied,
        Exported,
        Replayed,
        ShownArtifact,
        Synchronized,
        configuration_schema,
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
    from replant.config.secrets import Secret
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
        ArtifactFormat,
        ArtifactWriter,
        AsReplica,
        ByColumn,
        ByPredicate,
        Cases,
        Catalog,
        Check,
        CheckForeignKeys,
        Children,
        Column,
        Compression,
        Cycle,
        Dangling,
        DeferConstraints,
        EdgeRule,
        Exclusion,
        ExportedTables,
        ExportSettings,
        ForeignKey,
        InClosure,
        Layout,
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
        Sample,
        Settings,
        SqlExpression,
        Table,
        TableSettings,
        TableShape,
        ThroughForeignKey,
        WhereReferenced,
    )
    from replant.model.column_patterns import ColumnPattern
    from replant.plugins.declaration import API_VERSION
    from replant.plugins.hookspecs import hookimpl
    from replant.plugins.manager import Host
    from replant.verification.differences import TableResult

__version__ = "0.1.0"

_HOMES = {
    "replant.api": (
        "Copied Exported Replayed ShownArtifact Synchronized "
        "configuration_schema copy diff drift drift_against drift_of_artifact export export_each "
        "plan plugins preflight propose record remove replay show sync verify why why_in_artifact"
    ),
    "replant.config.read_settings": "read_settings",
    "replant.config.recorded_shapes": "Recorded read_recorded",
    "replant.config.secrets": "Secret",
    "replant.model.column_patterns": "ColumnPattern",
    "replant.errors": (
        "ArtifactError BudgetError CatalogMismatchError ChangeError ConfigurationError "
        "DanglingReferenceError DatabaseError OutputError PluginError PreflightError "
        "PrivilegeError ReplantError ReplayError ScopeError UsageError"
    ),
    "replant.plugins.declaration": "API_VERSION",
    "replant.plugins.hookspecs": "hookimpl",
    "replant.plugins.manager": "Host",
    "replant.verification.differences": "TableResult",
    "replant.model": (
        "AllRows AmongShared ArtifactFormat ArtifactWriter AsReplica ByColumn ByPredicate Cases "
        "Catalog Check CheckForeignKeys Children Column Compression Cycle Dangling "
        "DeferConstraints EdgeRule Exclusion ExportSettings ExportedTables ForeignKey InClosure "
        "Layout LoadOrder LoadTable LoadTogether Match OnConflict OrderRequest PatchColumns Plan "
        "PluginSettings PythonFunction PythonRow Registration RelationName Sample Settings "
        "SqlExpression Table TableSettings TableShape ThroughForeignKey WhereReferenced"
    ),
}

__all__ = [
    "API_VERSION",
    "AllRows",
    "AmongShared",
    "ArtifactError",
    "ArtifactFormat",
    "ArtifactWriter",
    "AsReplica",
    "BudgetError",
    "ByColumn",
    "ByPredicate",
    "Cases",
    "Catalog",
    "CatalogMismatchError",
    "ChangeError",
    "Check",
    "CheckForeignKeys",
    "Children",
    "Column",
    "ColumnPattern",
    "Compression",
    "ConfigurationError",
    "Copied",
    "Cycle",
    "Dangling",
    "DanglingReferenceError",
    "DatabaseError",
    "DeferConstraints",
    "EdgeRule",
    "Exclusion",
    "ExportSettings",
    "Exported",
    "ExportedTables",
    "ForeignKey",
    "Host",
    "InClosure",
    "Layout",
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
    "Replayed",
    "Sample",
    "ScopeError",
    "Secret",
    "Settings",
    "ShownArtifact",
    "SqlExpression",
    "Synchronized",
    "Table",
    "TableResult",
    "TableSettings",
    "TableShape",
    "ThroughForeignKey",
    "UsageError",
    "WhereReferenced",
    "__version__",
    "configuration_schema",
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
