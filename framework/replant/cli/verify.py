"""`replant verify`: the rows of a database against those of an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.cli import options
from replant.cli.screen import console, counted, metered
from replant.errors import DIFFERENCE_FOUND
from replant.replaying.verify import TableResult


@click.command(epilog="Example: replant verify tenant.sql --target postgresql://localhost/new")
@options.together(options.artifact, options.config, options.target, options.quiet, options.verbose)
def command(
    artifact: str, config: Path | None, target: str | None, quiet: bool, verbose: bool
) -> int:
    """Compare the rows of a database with those of an artifact, by content.

    Exit code 0 when they are the same, 1 when they differ; then the first keys that differ are
    named for each table.
    """
    settings = options.settings_of(config, target=target)
    with metered(console(stderr=True), "verifying", quiet=quiet) as meter:
        results = api.verify(
            artifact,
            settings,
            opened=lambda manifest: meter.expect(manifest.row_count),
            progress=meter.advance,
        )
    screen = console()
    for result in results:
        if not result.equal or (verbose and not quiet):
            for line in lines(result):
                screen.print(line)
    if not quiet:
        screen.print(summary(results))
    return 0 if all(result.equal for result in results) else DIFFERENCE_FOUND


def lines(result: TableResult) -> list[str]:
    """What was found for a table: one line, and one for each row that is named."""
    if result.equal:
        return [f"{result.name}: {counted(result.exported, 'row')}, equal"]
    named = [f"  {difference}" for difference in result.differences]
    if result.count > len(named):
        named.append(f"  and {result.count - len(named)} more")
    differ = "row differs" if result.count == 1 else "rows differ"
    held = counted(result.exported, "row")
    return [f"{result.name}: {result.count} {differ}, of {held} exported:", *named]


def summary(results: tuple[TableResult, ...]) -> str:
    """One line for all tables."""
    wrong = sum(1 for result in results if not result.equal)
    rows = sum(result.exported for result in results)
    if wrong:
        return (
            f"{wrong} of {counted(len(results), 'table')} {'differs' if wrong == 1 else 'differ'}"
        )
    return f"verified: {counted(rows, 'row')} of {counted(len(results), 'table')} are equal"
