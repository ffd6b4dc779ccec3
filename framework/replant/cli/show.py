"""`replant show`: describes an artifact, and checks it, without a database."""

from __future__ import annotations

import json
from typing import Any

import click

from replant import api
from replant.api.show import ShownArtifact
from replant.artifact.manifest_json import to_json
from replant.cli import options
from replant.cli.meters import metered
from replant.cli.screen import Screen, console, grid, print_list
from replant.model import Layout, readable
from replant.model.numbers import counted
from replant.report.figures import human_size


@click.command(epilog="Example: replant show customer.sql")
@options.together(
    options.artifact,
    click.option("--check", is_flag=True, help="Read every row, and compare the fingerprints."),
    click.option("--json", "as_json", is_flag=True, help="Print JSON, the manifest within it."),
    options.quiet,
    options.verbose,
)
def command(artifact: str, check: bool, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Describe an artifact: what is in it, from where, how it was chosen, what was left out.

    Its digests are compared in any case, so what is shown is what was exported. No database is
    asked.
    """
    with metered(console(stderr=True), "checking", quiet=quiet) as meter:
        shown = api.show(
            artifact,
            check=check,
            opened=lambda manifest: meter.expect(manifest.row_count),
            progress=meter.advance,
        )
    if as_json:
        click.echo(json.dumps(_document(shown), indent=2))
    elif not quiet:
        _print(console(), shown, verbose=verbose)


def _document(shown: ShownArtifact) -> dict[str, Any]:
    return {
        "artifact": shown.origin,
        "size": shown.size,
        "rows_checked": shown.checked,
        "manifest": json.loads(to_json(shown.manifest)),
    }


def _print(screen: Screen, shown: ShownArtifact, *, verbose: bool) -> None:
    manifest = shown.manifest
    kind = "directory" if manifest.layout is Layout.DIRECTORY else "SQL file"
    size = "" if shown.size is None else f", {human_size(shown.size)}"
    screen.print(
        f"{shown.origin}: {kind}, rows as {manifest.format.upper()}{size}; written by replant "
        f"{manifest.replant} from PostgreSQL {manifest.postgresql}"
    )
    screen.print(
        f"{counted(manifest.row_count, 'row')} in {counted(len(manifest.tables), 'table')}, "
        f"strategy {manifest.strategy}; a replay compares: {manifest.check.value}"
    )
    tables = grid("\nIn load order:", "table", "rows", "columns", "key", numbers=frozenset({1, 2}))
    for table in manifest.tables:
        if table.row_count or verbose:
            key = ", ".join(map(readable, table.key)) or "none: compared by content"
            tables.add_row(str(table.name), f"{table.row_count:,}", str(len(table.columns)), key)
    screen.print(tables)
    empty = sum(not table.row_count for table in manifest.tables)
    if empty and not verbose:
        screen.print(f"and {counted(empty, 'table')} without a row; -v lists them")
    chosen = [f"{name} = {value}" for name, value in manifest.scope.items()]
    chosen += [f"{root.table}: {root.condition} ({root.row_count:,})" for root in manifest.roots]
    print_list(screen, "Chosen by:", chosen)
    print_list(
        screen,
        "Sequences that a replay moves forward:",
        [f"{s.table}.{readable(s.column)}: to {s.greatest}" for s in manifest.sequences],
    )
    print_list(
        screen,
        "Values that changed on their way, by which plugin:",
        [
            f"{table.name}.{readable(column.name)}: {', then '.join(column.changes)}"
            for table in manifest.tables
            for column in table.columns
            if column.changes
        ],
    )
    print_list(screen, "Left out:", [f"{left.what}: {left.why}" for left in manifest.omissions])
    done = "every row was read, and its fingerprint" if shown.checked else "the digest"
    screen.print(f"\n{done} is right")
