"""`replant verify`: compares the rows of a database with those of an artifact."""

from __future__ import annotations

from pathlib import Path

import click

from replant import api
from replant.artifact.manifest import Manifest
from replant.cli import options
from replant.cli.meters import metered
from replant.cli.reporting import reporting
from replant.cli.screen import console
from replant.errors import DIFFERENCE_FOUND, PrivilegeError
from replant.model.numbers import counted
from replant.report.facts_of_comparisons import facts_of_verification
from replant.report.facts_of_manifests import facts_of_manifest
from replant.report.recorder import Recorder
from replant.verification.differences import RowDifferenceKind, TableResult, told_one_way
from replant.verification.verify import HashingPlace


@click.command(epilog="Example: replant verify tenant.sql --target postgresql://localhost/new")
@options.together(
    options.artifact,
    options.config,
    options.target,
    options.map_schema,
    click.option(
        "--compare",
        type=click.Choice([place.value for place in HashingPlace]),
        default=HashingPlace.AUTO.value,
        help="Hash the target's rows on the client (stream) or on the server. "
        "[default: auto, which streams if the server is on this host]",
    ),
    options.jobs,
    options.quiet,
    options.verbose,
)
@reporting
def command(
    artifact: str,
    config: Path | None,
    target: str | None,
    map_schema: dict[str, str],
    compare: str,
    jobs: int | None,
    quiet: bool,
    verbose: bool,
    recorder: Recorder,
) -> int:
    """Compare the rows of a database with those of an artifact, by content.

    Exit code 0 when they are the same, 1 when they differ; then the first keys that differ are
    named for each table. Exit code 4 when no row differs, but the role may not see all tables.
    """
    settings = options.settings_of(config, target=target, map_schema=map_schema, jobs=jobs)
    with metered(console(stderr=True), "checking the digest", quiet=quiet) as meter:
        recorder.phase("check the artifact")

        def opened(manifest: Manifest) -> None:
            recorder.add(facts_of_manifest, manifest, artifact)
            recorder.phase("compare")
            meter.phase("verifying")
            meter.expect(manifest.row_count)

        results = api.verify(
            artifact,
            settings,
            hashing=HashingPlace(compare),
            opened=opened,
            progress=recorder.through(meter.advance),
        )
    recorder.add(facts_of_verification, results)
    screen = console()
    for result in results:
        if not result.equal or (verbose and not quiet):
            for line in lines(result):
                screen.print(line)
    if not quiet:
        for line in summary(results):
            screen.print(line)
    return exit_code(results)


def exit_code(results: tuple[TableResult, ...]) -> int:
    """Return the exit code; a difference matters more than what could not be seen."""
    if any(result.count for result in results):
        return DIFFERENCE_FOUND
    return 0 if all(result.equal for result in results) else PrivilegeError.exit_code


def lines(result: TableResult) -> list[str]:
    """Describe the result of a table: one line, and one for each row that is named."""
    held = counted(result.exported, "row")
    if result.unseen:
        return [f"{result.name}: {held} not compared, the role may not see them; {result.unseen}"]
    if result.equal:
        return [f"{result.name}: {held}, equal"]
    named = [f"  {difference}" for difference in result.differences]
    if result.count > len(named):
        named.append(f"  and {result.count - len(named):,} more")
    if result.counts.get(RowDifferenceKind.MISSING) == result.exported == result.count:
        return [f"{result.name}: {_all_missing(result.exported)}", *named]
    differ = "row differs" if result.count == 1 else "rows differ"
    kinds = ", ".join(f"{number:,} {_KINDS[kind]}" for kind, number in result.counts.items())
    return [f"{result.name}: {result.count:,} {differ} ({kinds}), of {held} exported:", *named]


_KINDS = {
    RowDifferenceKind.MISSING: "missing",
    RowDifferenceKind.CHANGED: "changed",
    RowDifferenceKind.ADDITIONAL: "only in the target",
}


def _all_missing(number: int) -> str:
    return "the one row is missing:" if number == 1 else f"all {number:,} rows are missing:"


def summary(results: tuple[TableResult, ...]) -> list[str]:
    """Describe the result of all tables: one line, and where rows were looked for one way only."""
    wrong = sum(1 for result in results if result.count)
    unseen = sum(1 for result in results if result.unseen)
    rows = sum(result.exported for result in results if not result.unseen)
    left = f"; {unseen:,} could not be seen" if unseen else ""
    if wrong:
        differ = "differs" if wrong == 1 else "differ"
        lines = [f"{wrong:,} of {counted(len(results), 'table')} {differ}{left}"]
    else:
        seen = counted(len(results) - unseen, "table")
        lines = [f"verified: {counted(rows, 'row')} of {seen} are equal{left}"]
    return [*lines, *told_one_way((result.name, result.one_way) for result in results)]
