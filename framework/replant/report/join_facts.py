"""Joins what several steps of a command have to say to one account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
from attrs import evolve

from replant.report.run_report import ReportedArtifact, ReportedTable, RunFacts


def joined(earlier: RunFacts, later: RunFacts) -> RunFacts:
    """Put both together: what both say of a table stands once, and the later step has its way."""
    return RunFacts(
        summary=earlier.summary + later.summary,
        scope={**earlier.scope, **later.scope},
        strategy=later.strategy or earlier.strategy,
        plugins={**earlier.plugins, **later.plugins},
        artifacts=_by_path(earlier, later),
        tables=_tables(earlier.tables, later.tables),
        references=tuple(dict.fromkeys((*earlier.references, *later.references))),
        checks=earlier.checks + later.checks,
        notes=tuple(dict.fromkeys((*earlier.notes, *later.notes))),
        left_out=tuple(dict.fromkeys((*earlier.left_out, *later.left_out))),
    )


def _by_path(*facts: RunFacts) -> tuple[ReportedArtifact, ...]:
    return tuple(
        {artifact.path: artifact for each in facts for artifact in each.artifacts}.values()
    )


def _tables(
    earlier: Iterable[ReportedTable], later: Iterable[ReportedTable]
) -> tuple[ReportedTable, ...]:
    found: dict[str, ReportedTable] = {table.name: table for table in earlier}
    for table in later:
        known = found.get(table.name)
        found[table.name] = table if known is None else _both(known, table)
    return tuple(found.values())


def _both(known: ReportedTable, table: ReportedTable) -> ReportedTable:
    """Take the later values, where they say anything."""
    said = {
        name: value
        for name, value in attrs.asdict(table, recurse=False).items()
        if value or name == "name"
    }
    counts: Mapping[str, int] = {**known.counts, **table.counts}
    return evolve(known, **{**said, "counts": counts})
