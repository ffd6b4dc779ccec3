"""`replant diff`: compares the rows of artifacts and databases with each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from replant import api
from replant.cli import options
from replant.cli.meters import metered
from replant.cli.reporting import reporting
from replant.cli.screen import Screen, console
from replant.difference.json_report import comparison_as_json
from replant.difference.result import ComparedTable, DifferingRow, Presence, SideComparison, Values
from replant.difference.sql_patch import comparison_as_sql
from replant.errors import DIFFERENCE_FOUND
from replant.model import readable
from replant.model.numbers import counted
from replant.report.facts_of_comparisons import facts_of_comparison
from replant.report.recorder import Recorder
from replant.verification.differences import SHOWN, told_one_way, visible

_TEXT, _JSON, _SQL = "text", "json", "sql"


@click.command(epilog="Example: replant diff monday.sql postgresql://localhost/shop")
@click.argument("left")
@click.argument("right")
@options.together(
    options.config,
    options.scope,
    options.include,
    options.exclude,
    options.root,
    options.scope_column,
    click.option(
        "--map-schema",
        metavar="OLD=NEW",
        multiple=True,
        callback=options.pairs,
        help="Compare the tables of LEFT's schema OLD with those of RIGHT's schema NEW; "
        "repeatable.",
    ),
    click.option("--all", "every", is_flag=True, help="Show every row that differs."),
    click.option(
        "--format",
        "report",
        type=click.Choice([_TEXT, _JSON, _SQL]),
        default=_TEXT,
        help="For people, as JSON, or as SQL that makes LEFT like RIGHT. [default: text]",
    ),
    options.quiet,
    options.verbose,
)
@reporting
def command(
    left: str,
    right: str,
    config: Path | None,
    every: bool,
    report: str,
    quiet: bool,
    verbose: bool,
    recorder: Recorder,
    **said: Any,
) -> int:
    """Compare two artifacts, two databases, or one and the other, row by row.

    LEFT and RIGHT are paths of artifacts or connection strings. Of a database those rows are
    compared that an export with the same configuration would choose there; without one, those
    that the other side's artifact chooses. Rows are read one by one only where parts of a table
    differ.

    Exit code 0 when both are the same, 1 when they differ.
    """
    settings = options.settings_of(config, **said)
    limit = None if every or report == _SQL else SHOWN
    with metered(console(stderr=True), "comparing", quiet=quiet) as meter:
        recorder.phase("compare")
        progress = recorder.through(meter.advance)
        found = api.diff(left, right, settings, limit=limit, progress=progress)
    recorder.add(facts_of_comparison, found)
    screen = console()
    if report == _JSON:
        click.echo(comparison_as_json(found))
    elif report == _SQL:
        click.echo(comparison_as_sql(found))
    elif not quiet:
        _show(screen, found, verbose=verbose)
    return 0 if found.equal else DIFFERENCE_FOUND


def _show(screen: Screen, found: SideComparison, *, verbose: bool) -> None:
    """Print what differs, for people."""
    for table in found.tables:
        if verbose or not table.equal:
            for line in _lines(table):
                screen.print(line)
    differing = [table for table in found.tables if not table.equal]
    sides = f"left is {found.left}, right is {found.right}"
    if differing:
        differ = "differs" if len(differing) == 1 else "differ"
        screen.print(f"{len(differing)} of {counted(len(found.tables), 'table')} {differ}; {sides}")
    else:
        rows = sum(table.left_rows or 0 for table in found.tables)
        tables = counted(len(found.tables), "table")
        screen.print(f"{counted(rows, 'row')} of {tables} are equal; {sides}")
    reasons = ((table.name, table.one_way) for table in found.tables)
    for line in told_one_way(reasons, "the database"):
        screen.print(line)


def _lines(table: ComparedTable) -> list[str]:
    """Describe a table: one line, and one for each row that is shown."""
    if table.left_rows is None or table.right_rows is None:
        side, rows = (
            ("left", table.left_rows) if table.right_rows is None else ("right", table.right_rows)
        )
        return [f"{table.name}: only {side} has the table, with {counted(rows or 0, 'row')}"]
    if table.equal:
        return [f"{table.name}: {counted(table.left_rows, 'row')}, equal"]
    kinds = ", ".join(
        f"{table.counts[presence]:,} {_KINDS[presence]}"
        for presence in Presence
        if table.counts.get(presence)
    )
    differ = "row differs" if table.count == 1 else "rows differ"
    told = f"{table.count:,} {differ} ({kinds})" if table.count else "all rows are equal"
    lines = [f"{table.name}: {told}, of {table.left_rows:,} left and {table.right_rows:,} right"]
    for side, columns in (("left", table.only_left), ("right", table.only_right)):
        if columns:
            listed = ", ".join(map(readable, columns))
            lines.append(f"  not compared, as only {side} has it: {listed}")
    lines += [f"  {_row(row)}" for row in table.rows]
    if table.count > len(table.rows):
        lines.append(f"  and {table.count - len(table.rows)} more: --all shows them")
    return lines


_KINDS = {
    Presence.LEFT: "only left",
    Presence.RIGHT: "only right",
    Presence.BOTH: "changed",
}


def _row(row: DifferingRow) -> str:
    key = _pairs(row.key)
    if row.left is not None and row.right is not None:
        changes = [
            f"{readable(name)} is {visible(value)} left, {visible(row.right[name])} right"
            for name, value in row.left.items()
        ]
        return f"{key}: {'; '.join(changes)}"
    values = {**(row.left or row.right or {})}
    rest = _pairs({name: value for name, value in values.items() if name not in row.key})
    told = ": ".join(part for part in (key, rest) if part)
    return f"{_KINDS[row.presence]}: {told}"


def _pairs(values: Values) -> str:
    return ", ".join(f"{readable(name)} = {visible(value)}" for name, value in values.items())
