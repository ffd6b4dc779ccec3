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
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg

from replant.testing.servers.server import Database, embedded_server
from tests.bench.closures import closures
from tests.bench.commands import REPLANT, Run, run
from tests.bench.forms import exports
from tests.bench.measuring import MB, Bench, Measured, middle, said
from tests.bench.replays import replays
from tests.bench.tenants import field_count, filled

_STARTS = 15


def main() -> None:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", "1000000")))
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "3")))
    options = parser.parse_args()
    # A server would outlive a benchmark that is ended without a chance to stop it.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    with embedded_server(on_disk=True) as server, tempfile.TemporaryDirectory() as folder:
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
    yield from exports(bench, source)
    yield from replays(bench, source)
    yield from memory(bench, source)
    bench.server.drop_database(source)
    yield from among_others(bench)
    yield from closures(bench)


def start_up() -> Iterator[Measured]:
    """How long `replant --help` takes."""
    run(REPLANT, "--help")
    seconds = middle([run(REPLANT, "--help") for _ in range(_STARTS)])
    yield Measured("replant --help", f"{seconds:.3f} s", "< 0.25 s", seconds < 0.25)


def memory(bench: Bench, source: Database) -> Iterator[Measured]:
    """The peak of an export's memory, for few rows and for many."""
    few = filled(bench.server, tenants=1, fields=max(bench.rows // 100, 1))
    peaks = {field_count(each): bench.export(each, "tenant.sql").peak for each in (few, source)}
    bench.server.drop_database(few)
    for rows, peak in peaks.items():
        shown = f"{peak / MB:.1f} MB"
        yield Measured(f"peak of memory, {rows} rows", shown, "< 100 MB", peak < 100 * MB)
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
            runs[tenants].append(bench.export(database, "tenant.sql", number=(tenants + 1) // 2))
    for tenants, each in runs.items():
        what = f"export of a tenant of {fields} rows, of {tenants}"
        yield Measured(what, f"{middle(each):.3f} s")
    ratio = middle(runs[crowd]) / middle(runs[1])
    yield Measured("ratio of the two", f"{ratio:.2f}", "<= 1.20", ratio <= 1.2)


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
