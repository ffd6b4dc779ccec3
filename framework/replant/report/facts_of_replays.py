"""Says of replays, and of what was looked at before them, what a report holds."""

from __future__ import annotations

import attrs

from replant.api import Replayed
from replant.model import Check, RelationName, Severity
from replant.model.numbers import counted
from replant.preflight.preflight import Preflight
from replant.replay.replay import Loaded
from replant.report.facts_of_findings import REHEARSED, check_of, note_of
from replant.report.run_report import CheckResult, MadeCheck, ReportedNote, ReportedTable, RunFacts


def facts_of_preflight(found: Preflight) -> RunFacts:
    """Say what was found before the first row was loaded."""
    return RunFacts(
        strategy=found.strategy,
        checks=(check_of(found.findings, "nothing in the target prevents the replay"),),
        notes=tuple(map(note_of, found.findings)),
    )


def facts_of_replay(done: Replayed, *, rehearsed: bool) -> RunFacts:
    """Say what became of the rows of an artifact."""
    total = sum(done.tables.values(), Loaded())
    numbers = attrs.asdict(total)
    told = ", ".join(f"{number:,} {what}" for what, number in numbers.items() if number)
    ended = (REHEARSED,) if rehearsed else ()
    return RunFacts(
        summary=(f"replayed {counted(total.given, 'row')}: {told}", *ended),
        strategy=done.strategy,
        tables=tuple(_table(done, name, loaded) for name, loaded in done.tables.items()),
        checks=(_check_of_replay(done),),
        notes=tuple(ReportedNote(Severity.NOTE, note.told(verbose=True)) for note in done.notes),
    )


def _table(done: Replayed, name: RelationName, loaded: Loaded) -> ReportedTable:
    compared, result = _compared(done, name)
    counts = {
        "inserted": loaded.inserted,
        "updated": loaded.updated,
        "skipped": loaded.skipped,
        "unchanged": loaded.unchanged,
    }
    return ReportedTable(str(name), counts=counts, compared=compared, result=result)


def _compared(done: Replayed, name: RelationName) -> tuple[str, CheckResult]:
    """Say how the rows of a table were compared, and with what result."""
    if done.manifest.check is Check.NONE:
        return "", CheckResult.NOT_MADE
    what = "content" if name in done.compared else "number of rows"
    return f"{what}, before the commit", CheckResult.PASSED


def _check_of_replay(done: Replayed) -> MadeCheck:
    name = "the rows that arrived are those that were exported"
    if done.manifest.check is Check.NONE:
        return MadeCheck(name, CheckResult.NOT_MADE, "the artifact says: check = 'none'")
    counted = [str(name) for name in done.tables if name not in done.compared]
    if not counted:
        return MadeCheck(name, CheckResult.PASSED, "by content")
    listed = ", ".join(counted)
    return MadeCheck(name, CheckResult.PASSED, f"by content; by number alone: {listed}")
