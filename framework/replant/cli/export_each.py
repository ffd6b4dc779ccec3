"""`replant export --each`: writes an artifact for each row of a query."""

from __future__ import annotations

from replant import api
from replant.api import ExportedEach, ExportedTenant
from replant.cli.meters import metered
from replant.cli.screen import Screen, console
from replant.errors import DIFFERENCE_FOUND
from replant.model import Settings, Severity
from replant.model.numbers import counted
from replant.report.recorder import Recorder
from replant.report.run_report import CheckResult, MadeCheck, ReportedNote, RunFacts


def run(
    settings: Settings,
    query: str,
    *,
    journal: str,
    resume: bool,
    force: bool,
    quiet: bool,
    recorder: Recorder,
) -> int:
    """Export each tenant, print one line for each, and the failures at the end."""
    screen = console(stderr=True)
    recorder.phase("export")
    with metered(screen, "exporting", quiet=quiet) as meter:

        def exported(result: ExportedTenant) -> None:
            told = {"output": result.tenant.output, "rows": result.rows, "error": result.error}
            recorder.tell("tenant", **dict(result.tenant.values), **told)
            if not quiet and not result.error:
                screen.print(f"{result.tenant.output}: {counted(result.rows, 'row')}")

        done = api.export_each(
            settings,
            query,
            journal=journal,
            resume=resume,
            force=force,
            exported=exported,
            progress=recorder.through(meter.advance),
        )
    recorder.add(_facts, done)
    if not recorder.has_log:
        _print(screen, done, journal, quiet=quiet)
    return DIFFERENCE_FOUND if done.failed else 0


def _print(screen: Screen, done: ExportedEach, journal: str, *, quiet: bool) -> None:
    for failure in done.failed:
        screen.print(f"failed: {failure.tenant}: {failure.error}")
    if not quiet:
        screen.print(_summary(done))
    if done.failed and not quiet:
        screen.print(f"--resume tries these again; {journal} says what is done")


def _summary(done: ExportedEach) -> str:
    rows = counted(sum(each.rows for each in done.tenants), "row")
    number = len(done.tenants) - len(done.failed)
    were = "was" if done.earlier == 1 else "were"
    earlier = f"; {counted(done.earlier, 'tenant')} {were} done before" if done.earlier else ""
    failed = f"; {len(done.failed):,} failed" if done.failed else ""
    return f"exported {counted(number, 'tenant')}, {rows}{earlier}{failed}"


def _facts(done: ExportedEach) -> RunFacts:
    result = CheckResult.FAILED if done.failed else CheckResult.PASSED
    return RunFacts(
        summary=(_summary(done),),
        checks=(MadeCheck("every tenant was exported", result),),
        notes=tuple(
            ReportedNote(Severity.REFUSES, f"{each.tenant}: {each.error}") for each in done.failed
        ),
    )
