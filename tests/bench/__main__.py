"""Measure, and print each figure beside its target.

    python -m tests.bench --rows 1000000 --rounds 3 --programs /usr/lib/postgresql/18/bin

Times are medians of runs that alternate, so that what else the machine does falls on both sides.
The server has PostgreSQL's default settings but for those that keep what a crash would lose. All
figures are written to build/bench.json too.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psycopg
from attrs import evolve

from replant.parallel.workers import processors
from replant.testing.servers.server import embedded_program, embedded_server, local_server
from tests.bench.closures import closures
from tests.bench.commands import REPLANT, run
from tests.bench.data_sets import DataSet, narrow_rows, wide_rows
from tests.bench.exports import ARTIFACTS, export, exports
from tests.bench.many_tables import many_tables
from tests.bench.measuring import MB, Bench, Result, in_rounds
from tests.bench.replays import loaded, replays, synchronizations, verifications
from tests.bench.report import printed, write_json

_STARTS = 5
_MOST_MEMORY = 80 * MB


def main() -> None:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=int(os.environ.get("BENCH_ROWS", "1000000")))
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "0")))
    parser.add_argument("--programs", type=Path, help="of another PostgreSQL than the embedded one")
    options = parser.parse_args()
    # A server would outlive a benchmark that is ended without a chance to stop it.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(128 + signal.SIGTERM))
    programs = options.programs or embedded_program("psql").parent
    start = partial(local_server, programs) if options.programs else embedded_server
    with start(on_disk=True) as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server, programs, Path(folder), options.rows, rounds=1)
        bench = evolve(bench, rounds=options.rounds or (1 if bench.is_trial else 3))
        with psycopg.connect(server.dsn) as connection:
            version = connection.info.server_version // 10000
        about = {
            "postgresql": version,
            "python": platform.python_version(),
            "processors": processors(),
            "rows": options.rows,
            "rounds": bench.rounds,
        }
        results = list(measure(bench))
    print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()) + "\n")
    print(printed(results))
    over = [result.work for result in results if result.peak > _MOST_MEMORY]
    print(f"\nmore than {_MOST_MEMORY // MB} MB of memory: {', '.join(over) or 'none'}")
    write_json(Path("build", "bench.json"), about, results)


def measure(bench: Bench) -> Iterator[Result]:
    """Every result, in the order of the report."""
    yield from start_up(bench)
    for rows_of in (wide_rows, narrow_rows):
        with rows_of(bench) as data:
            yield from exports(bench, data)
            yield from replays(bench, data)
            with loaded(bench, data) as equal:
                yield from verifications(bench, data, equal)
                yield from synchronizations(bench, data, equal)
            yield from by_jobs(bench, data)
    yield from () if bench.is_trial else few_rows(bench)
    yield from closures(bench)
    if bench.is_trial:
        yield from many_tables(bench, 100, None)
        return
    for tables, most in {500: 1.0, 2000: 3.0}.items():
        yield from many_tables(bench, tables, most)


def start_up(bench: Bench) -> Iterator[Result]:
    """How long `replant --help` takes, and the plan of the platform's 51 tables with few rows."""
    starts = 1 if bench.is_trial else _STARTS
    run(REPLANT, "--help")
    yield Result("--help", tuple(run(REPLANT, "--help") for _ in range(starts)), (), 0.08)
    with wide_rows(evolve(bench, rows=100)) as data:
        plans = [
            run(REPLANT, "plan", "--source", data.source.dsn, *data.chosen) for _ in range(starts)
        ]
    yield Result("plan of 51 tables", tuple(plans), (), 0.4)


def by_jobs(bench: Bench, data: DataSet) -> Iterator[Result]:
    """An export by several processes beside one: no slower, on as few processors as two."""
    jobs = max(2, processors() // 2)
    works = {
        f"{number} jobs": partial(
            export, bench, data, "jobs.sql", "--format", "copy", "--jobs", str(number)
        )
        for number in (1, jobs)
    }
    runs = in_rounds(works, bench.rounds)
    most = 1 / (0.7 * min(jobs, processors() / 2)) if processors() >= 4 else 1.05
    what = f"export, {data.name}, copy.sql, {jobs} jobs"
    yield Result(what, runs[f"{jobs} jobs"], runs["1 jobs"], most, "1 job")


def few_rows(bench: Bench) -> Iterator[Result]:
    """The same exports of ten thousand rows, for the memory that they take."""
    with wide_rows(evolve(bench, rows=10_000)) as data:
        for name, form in ARTIFACTS.items():
            yield Result(f"export, 10000 rows, {name}", (export(bench, data, name, *form),))


if __name__ == "__main__":
    main()
