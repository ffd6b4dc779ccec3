"""Measure, and print each number beside its target.

    python -m tests.bench --rows 1000000 --rounds 3

Times are medians of runs that alternate, so that what else the machine does falls on both sides.
The server has PostgreSQL's default settings but for those that keep what a crash would lose.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import psycopg
from attrs import field, frozen

from replant.model import RelationName
from replant.testing.server import Database, Server, embedded_server, grant
from tests.bench.commands import PG_DUMP, REPLANT, Run, middle, run
from tests.bench.tenants import empty, field_count, filled, tenant

_PLUGINS = '[plugins]\nenable = ["collections_public", "ordered"]\n'
_MB = 1_000_000
_STARTS = 15

Result = TypeVar("Result")


@frozen
class Measured:
    """A line of the report; `met` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


@frozen
class Bench:
    """A server, a folder for what is written, and how much is asked for."""

    server: Server
    folder: Path
    rows: int
    rounds: int
    artifact: Path = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "artifact", self.folder / "tenant.sql")
        (self.folder / "replant.toml").write_text(_PLUGINS, "utf-8")

    def replant(self, command: str, *arguments: str | Path) -> Run:
        """Run a command of replant's, as a person would."""
        options = ("-q", "-c", self.folder / "replant.toml")
        return run(REPLANT, command, *arguments, *options)

    def export(self, source: Database, number: int = 1) -> Run:
        """Export a tenant."""
        scope = f"database_id={tenant(source, number)}"
        output = ("--force", "-o", self.artifact)
        return self.replant("export", "--source", source.dsn, "--scope", scope, *output)

    def dump(self, source: Database) -> Run:
        """Dump the table `field` by pg_dump."""
        form = ("--inserts", "--rows-per-insert=1000", "--data-only")
        table = ("--table", "collections_public.field")
        output = self.folder / "dump.sql"
        return run(PG_DUMP, *form, *table, "--file", output, "--dbname", source.dsn)


def main() -> None:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", "1000000")))
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "3")))
    options = parser.parse_args()
    # A server would outlive a benchmark that is ended without a chance to stop it.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    with embedded_server() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server, Path(folder), options.rows, options.rounds)
        with psycopg.connect(server.dsn) as connection:
            version = connection.info.server_version // 10000
        print(
            f"PostgreSQL {version}, Python {sys.version.split()[0]}, {os.cpu_count()} processors; "
            f"{options.rows} rows, {options.rounds} rounds\n"
        )
        report(list(measure(bench)))


def measure(bench: Bench) -> Iterator[Measured]:
    """Every number, in the order of the report."""
    yield from start_up()
    source = said("filling", partial(filled, bench.server, tenants=1, fields=bench.rows))
    yield from beside_pg_dump(bench, source)
    yield from there_and_back(bench)
    yield from memory(bench, source)
    bench.server.drop_database(source)
    yield from among_others(bench)


def start_up() -> Iterator[Measured]:
    """How long `replant --help` takes."""
    run(REPLANT, "--help")
    seconds = middle([run(REPLANT, "--help") for _ in range(_STARTS)])
    yield Measured("replant --help", f"{seconds:.3f} s", "< 0.25 s", seconds < 0.25)


def beside_pg_dump(bench: Bench, source: Database) -> Iterator[Measured]:
    """An export beside a dump of the same table, as INSERTs of a thousand rows."""
    rows = field_count(source)
    exports: list[Run] = []
    dumps: list[Run] = []
    for number in range(bench.rounds):
        turns = [(exports, bench.export, "export"), (dumps, bench.dump, "pg_dump")]
        for runs, command, name in turns if number % 2 == 0 else reversed(turns):
            runs.append(said(name, partial(command, source)))
    mine, other = middle(exports), middle(dumps)
    yield Measured(f"replant export, {rows} rows", f"{mine:.2f} s")
    yield Measured(f"pg_dump --inserts --rows-per-insert=1000, {rows} rows", f"{other:.2f} s")
    yield Measured("ratio of the two", f"{mine / other:.2f}", "<= 0.70", mine / other <= 0.7)


def there_and_back(bench: Bench) -> Iterator[Measured]:
    """The replay and the verification of what was just exported, each with one privilege."""
    target = empty(bench.server)
    names = ("database", "schema", "table", "field")
    tables = [RelationName("collections_public", name) for name in names]
    writer, reader = bench.server.create_role("writer"), bench.server.create_role("reader")
    grant(target, writer, "INSERT", tables)
    grant(target, reader, "SELECT", all_tables(target))
    for command, role in (("replay", writer), ("verify", reader)):
        where = ("--target", target.as_role(role))
        took = said(command, partial(bench.replant, command, bench.artifact, *where))
        yield Measured(f"replant {command}, the same rows, once", f"{took.seconds:.2f} s")
        yield Measured(f"replant {command}, peak of memory", f"{took.peak / _MB:.1f} MB")
    bench.server.drop_database(target)


def all_tables(database: Database) -> list[RelationName]:
    """Every table that the plugin registers."""
    with psycopg.connect(database.dsn) as connection:
        names = connection.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'collections_public'::regnamespace ORDER BY relname"
        )
        return [RelationName("collections_public", name) for (name,) in names]


def memory(bench: Bench, source: Database) -> Iterator[Measured]:
    """The peak of an export's memory, for few rows and for many."""
    few = filled(bench.server, tenants=1, fields=max(bench.rows // 100, 1))
    peaks = {field_count(each): bench.export(each).peak for each in (few, source)}
    bench.server.drop_database(few)
    for rows, peak in peaks.items():
        shown = f"{peak / _MB:.1f} MB"
        yield Measured(f"peak of memory, {rows} rows", shown, "< 100 MB", peak < 100 * _MB)
    small, large = peaks.values()
    growth = large / small
    yield Measured("growth from one to the other", f"{growth:.2f}", "<= 1.10", growth <= 1.1)


def among_others(bench: Bench) -> Iterator[Measured]:
    """A tenant by itself, and the same among a thousand; `database_id` is indexed."""
    fields, crowd = max(bench.rows // 1000, 1), 1000
    fill = partial(filled, bench.server, fields=fields, indexed=True)
    places = {
        tenants: said(f"filling, tenants: {tenants}", partial(fill, tenants=tenants))
        for tenants in (1, crowd)
    }
    runs: dict[int, list[Run]] = {tenants: [] for tenants in places}
    for _ in range(2 * bench.rounds + 1):
        for tenants, database in places.items():
            runs[tenants].append(bench.export(database, (tenants + 1) // 2))
    for tenants, each in runs.items():
        what = f"export of a tenant of {fields} rows, of {tenants}"
        yield Measured(what, f"{middle(each):.3f} s")
    ratio = middle(runs[crowd]) / middle(runs[1])
    yield Measured("ratio of the two", f"{ratio:.2f}", "<= 1.20", ratio <= 1.2)


def said(what: str, work: Callable[[], Result]) -> Result:
    """Say how long the work took, once it is done."""
    start = perf_counter()
    result = work()
    print(f"{perf_counter() - start:7.1f} s  {what}", file=sys.stderr, flush=True)
    return result


def report(lines: list[Measured]) -> None:
    """Print the lines as a table."""
    words = {True: "met", False: "MISSED", None: ""}
    cells = [(line.what, line.value, line.target, words[line.met]) for line in lines]
    cells.insert(0, ("measured", "", "target", ""))
    first, second, third = (max(len(row[place]) for row in cells) for place in range(3))
    print()
    for what, value, target, met in cells:
        print(f"{what:<{first}}  {value:>{second}}  {target:<{third}}  {met}".rstrip())


if __name__ == "__main__":
    main()
