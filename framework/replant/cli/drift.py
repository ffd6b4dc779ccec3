"""`replant drift`: compares what something was made for with what a database has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replant import api
from replant.cli import options
from replant.cli.screen import Screen, console
from replant.drift.drift_findings import Drift, DriftSeverity
from replant.drift.reports import as_github, as_json, as_sarif
from replant.errors import DIFFERENCE_FOUND, UsageError
from replant.model import Settings
from replant.model.numbers import counted

_REPORTS = {"json": as_json, "github": as_github, "sarif": as_sarif}


@click.command(epilog="Example: replant drift --write; git diff replant.lock.toml; replant drift")
@click.argument("artifact", type=click.Path(dir_okay=True), required=False)
@options.together(options.choosing_rows, options.target)
@click.option("--against", metavar="DSN", help="Compare the source with this database instead.")
@click.option("--write", is_flag=True, help="Record what tables look like that no plugin declares.")
@click.option(
    "--format",
    "report",
    type=click.Choice(["text", *_REPORTS]),
    default="text",
    help="For people, as JSON, as annotations of GitHub Actions, or as SARIF. [default: text]",
)
@click.option(
    "--fail-on",
    type=click.Choice([severity.value for severity in DriftSeverity]),
    default=DriftSeverity.HARMLESS.value,
    help="The least severity for which the exit code is 1. [default: harmless]",
)
def command(
    artifact: str | None,
    config: Path | None,
    against: str | None,
    write: bool,
    report: str,
    fail_on: str,
    **said: Any,
) -> int:
    """Compare what was declared or recorded of tables with what a database has now.

    Without ARTIFACT: what the enabled plugins were written for, and what replant.lock.toml records
    of the tables of which no plugin says what they look like, with the source. With --against: the
    source with another database. With ARTIFACT: what it was made from, with the target.

    No row is read. Exit code 0, or 1 when something differs.
    """
    target = said.pop("target")
    settings = options.settings_of(config, target=target, **said)
    _check_together(artifact, target, against, write)
    if write:
        _record(settings)
        return 0
    if artifact is not None:
        drift = api.drift_of_artifact(artifact, settings)
    elif against is not None:
        drift = api.drift_against(settings, against)
    else:
        drift = api.drift(settings)
    if report == "text":
        _show(console(), drift)
    else:
        text = _REPORTS[report](drift, _file(config, settings))
        click.echo(text, nl=bool(text))
    return DIFFERENCE_FOUND if drift.at_least(DriftSeverity(fail_on)) else 0


def _check_together(
    artifact: str | None, target: str | None, against: str | None, write: bool
) -> None:
    if write and (artifact is not None or against is not None):
        raise UsageError("--write records the source; leave out ARTIFACT and --against")
    if artifact is not None and against is not None:
        raise UsageError("an artifact is compared with --target; leave out --against")
    if artifact is None and target is not None:
        raise UsageError("--target goes with ARTIFACT; compare two databases with --against")


def _record(settings: Settings) -> None:
    recorded = api.record(settings)
    if not recorded.tables and not recorded.left_out:
        console().print("Every table is declared by its plugin: nothing to record.")
        return
    left = f", {counted(len(recorded.left_out), 'table')} as left out" if recorded.left_out else ""
    console().print(f"{settings.recorded}: recorded {counted(len(recorded.tables), 'table')}{left}")


def _file(config: Path | None, settings: Settings) -> str | None:
    """Return the file at which reports show findings: the record, or the configuration."""
    files = [Path(settings.recorded), config or Path("replant.toml")]
    return next((file.as_posix() for file in files if file.exists()), None)


_TITLES = {
    DriftSeverity.FAILS: "Would fail:",
    DriftSeverity.LOSES: "Would lose something:",
    DriftSeverity.HARMLESS: "Harmless:",
}


def _show(screen: Screen, drift: Drift) -> None:
    """Print findings for people, the worst first."""
    compared = f"{drift.wanted} against {drift.found}, {counted(drift.tables, 'table')}"
    number = counted(len(drift.findings), "difference") if drift.findings else "no difference"
    screen.print(f"{compared}: {number}")
    for severity, title in _TITLES.items():
        findings = drift.of(severity)
        if findings:
            screen.print(f"\n{title}")
        for finding in findings:
            screen.print(f"  {finding.what}\n    {finding.remedy}")
    if drift.unknown:
        names = ", ".join(map(str, drift.unknown))
        screen.print(
            f"\nNot compared, since no plugin says what they look like: {names}\n"
            f"  record them: replant drift --write"
        )
