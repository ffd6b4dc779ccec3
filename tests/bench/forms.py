"""The forms in which rows leave a source, beside those of pg_dump.

A source comes in; an artifact of each form lies in the folder afterwards, for `replays`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from replant.testing.servers.server import Database
from tests.bench.commands import PG_DUMP, Run, run
from tests.bench.measuring import Bench, Measured, in_rounds, middle, took
from tests.bench.tenants import FILLED, field_count

#: What an export writes, by its name in the folder: the options that ask for it.
ARTIFACTS = {
    "insert.sql": (),
    "copy.sql": ("--format", "copy"),
    "directory": ("--layout", "directory"),
    "directory-zstd": ("--layout", "directory", "--compress", "zstd"),
}

#: The same by pg_dump.
DUMPS = {
    "dump-inserts.sql": ("--inserts", "--rows-per-insert=1000"),
    "dump-copy.sql": (),
}

#: What stands beside what, and how much longer it may take.
_BESIDE = {
    "insert.sql": ("dump-inserts.sql", 0.7),
    "copy.sql": ("dump-copy.sql", 1.3),
    "directory": ("dump-copy.sql", 1.3),
    "directory-zstd": ("dump-copy.sql", None),
}


def exports(bench: Bench, source: Database) -> Iterator[Measured]:
    """An export in each form, beside dumps of the same tables."""
    works: dict[str, Callable[[], Run]] = {
        **{name: partial(bench.export, source, name, *form) for name, form in ARTIFACTS.items()},
        **{name: partial(dump, bench, source, name, *form) for name, form in DUMPS.items()},
    }
    runs = in_rounds(works, bench.rounds)
    rows = field_count(source)
    for name in ARTIFACTS:
        yield Measured(f"replant export, {name}, {rows} rows", took(runs[name]))
    for name in DUMPS:
        yield Measured(f"pg_dump, {name}, {rows} rows", took(runs[name]))
    for name, (other, most) in _BESIDE.items():
        ratio = middle(runs[name]) / middle(runs[other])
        target, met = (f"<= {most:.2f}", ratio <= most) if most else ("", None)
        yield Measured(f"ratio of {name} to {other}", f"{ratio:.2f}", target, met)


def dump(bench: Bench, source: Database, output: str, *form: str) -> Run:
    """Dump the tables that have rows by pg_dump."""
    tables = [f"--table={table.schema}.{table.name}" for table in FILLED]
    where = ("--file", bench.folder / output, "--dbname", source.dsn)
    return run(PG_DUMP, "--data-only", *form, *tables, *where)
