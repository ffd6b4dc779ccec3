"""Gives a command a recorder, and writes what it recorded: a report, or events while it runs."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import Any

import click

from replant.cli import options
from replant.database.connection_facts import told_of_connections
from replant.errors import DIFFERENCE_FOUND, INTERRUPTED, ReplantError
from replant.report.event_log import EventLog
from replant.report.recorder import Recorder
from replant.report.run_report import Outcome
from replant.report.write_report import check_report_file, write_report

report_files = click.option(
    "--report",
    "report_files",
    metavar="FILE",
    multiple=True,
    help="Write a report as well: .html, .json, or .md for a pull request. Repeatable.",
)
log_format = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    help="With json, standard error holds one event a line, for programs. [default: text]",
)


def reporting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --report and --log-format to a command, which is given a `recorder`.

    Events stand in for what the command says to people, so it is told to be quiet then.
    """

    @options.together(report_files, log_format)
    @functools.wraps(function)
    def command(*, report_files: tuple[str, ...], log_format: str, **said: Any) -> int:
        for file in report_files:
            check_report_file(file)
        log = EventLog(sys.stderr) if log_format == "json" else None
        if log is not None and "quiet" in said:
            said["quiet"] = True
        name, wanted = click.get_current_context().info_name or "", bool(report_files or log)
        recorder = Recorder(name, log, wanted=wanted)
        try:
            with told_of_connections(recorder.connected):
                code: int = function(recorder=recorder, **said) or 0
        except ReplantError as error:
            _finish(recorder, report_files, error.exit_code, str(error))
            if log is None:
                raise
            raise click.exceptions.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            _finish(recorder, report_files, INTERRUPTED, "interrupted; nothing half-done was kept")
            raise
        _finish(recorder, report_files, code)
        return code

    return command


def _finish(recorder: Recorder, files: Iterable[str], code: int, error: str | None = None) -> None:
    """End the record, and write the reports that are wanted."""
    outcome = {0: Outcome.DONE, DIFFERENCE_FOUND: Outcome.DIFFERENT}.get(code, Outcome.FAILED)
    report = recorder.finish(outcome, code, error)
    for file in files:
        write_report(report, file)
