"""Provides a function for each command; the command line only reads options and prints.

What a command does, a program can do: these functions take settings and paths, and return values.
Each is in a module of its own name, which is imported when the function is first used: a command
then waits for no other's imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replant.lazy_names import publish

if TYPE_CHECKING:
    from replant.api.copy import Copied, copy
    from replant.api.diff import diff
    from replant.api.drift import drift, drift_against, drift_of_artifact, record
    from replant.api.export import Exported, export
    from replant.api.export_each import JOURNAL, ExportedEach, ExportedTenant, export_each
    from replant.api.plan import plan, plan_with_rows
    from replant.api.plugins import configuration_schema, plugins
    from replant.api.propose import propose
    from replant.api.remove import remove
    from replant.api.replay import Replayed, preflight, replay
    from replant.api.show import ShownArtifact, show
    from replant.api.sync import Synchronized, sync
    from replant.api.verify import verify
    from replant.api.why import why, why_in_artifact

_HOMES = {
    "replant.api.copy": "Copied copy",
    "replant.api.diff": "diff",
    "replant.api.drift": "drift drift_against drift_of_artifact record",
    "replant.api.export": "Exported export",
    "replant.api.export_each": "JOURNAL ExportedEach ExportedTenant export_each",
    "replant.api.plan": "plan plan_with_rows",
    "replant.api.plugins": "configuration_schema plugins",
    "replant.api.propose": "propose",
    "replant.api.remove": "remove",
    "replant.api.replay": "Replayed preflight replay",
    "replant.api.show": "ShownArtifact show",
    "replant.api.sync": "Synchronized sync",
    "replant.api.verify": "verify",
    "replant.api.why": "why why_in_artifact",
}

__all__ = [
    "JOURNAL",
    "Copied",
    "Exported",
    "ExportedEach",
    "ExportedTenant",
    "Replayed",
    "ShownArtifact",
    "Synchronized",
    "configuration_schema",
    "copy",
    "diff",
    "drift",
    "drift_against",
    "drift_of_artifact",
    "export",
    "export_each",
    "plan",
    "plan_with_rows",
    "plugins",
    "preflight",
    "propose",
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
