"""The ways out of a source: an export in each form, beside pg_dump with its own best settings.

The artifacts and dumps lie in the folder afterwards, for `replays`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench.commands import Run, run
from tests.bench.data_sets import DataSet
from tests.bench.measuring import Bench, Result, in_rounds

#: What an export writes, by its name in the folder: the options that ask for it.
ARTIFACTS = {
    "insert.sql": (),
    "copy.sql": ("--format", "copy"),
    "copy-unordered.sql": ("--format", "copy", "--order", "none"),
    "directory": ("--layout", "directory"),
    "directory-unordered": ("--layout", "directory", "--order", "none"),
    "directory-zstd": ("--layout", "directory", "--compress", "zstd"),
}

#: The same by pg_dump.
DUMPS = {
    "dump-inserts.sql": ("--inserts", "--rows-per-insert=1000"),
    "dump-copy.sql": (),
}
ZSTD_DUMP = "dump-zstd"

#: What stands beside what, and how much longer it may take.
_BESIDE = {
    "insert.sql": ("dump-inserts.sql", 0.7),
    "copy.sql": ("dump-copy.sql", 1.4),
    "copy-unordered.sql": ("dump-copy.sql", 1.1),
    "directory": ("dump-copy.sql", 1.4),
    "directory-unordered": ("dump-copy.sql", 1.1),
    "directory-zstd": (ZSTD_DUMP, 1.0),
}


def exports(bench: Bench, data: DataSet) -> Iterator[Result]:
    """An export in each form, beside dumps of the same tables."""
    works: dict[str, Callable[[], Run]] = {
        **{name: partial(export, bench, data, name, *form) for name, form in ARTIFACTS.items()},
        **{name: partial(_dump, bench, data, name, *form) for name, form in DUMPS.items()},
    }
    if compressed := _compressed_dump(bench, data):
        works[ZSTD_DUMP] = compressed
    runs = in_rounds(works, bench.rounds)
    for name, (other, most) in _BESIDE.items():
        theirs = runs.get(other, ())
        what = f"export, {data.name}, {name}"
        yield Result(what, runs[name], theirs, most if theirs else None, other if theirs else "")


def export(bench: Bench, data: DataSet, output: str, *options: str) -> Run:
    """Export the rows; `output` is a name in the folder."""
    where = ("--source", data.source.dsn, "--force", "-o", bench.folder / output)
    return bench.replant("export", *data.chosen, *where, *options)


def _dump(bench: Bench, data: DataSet, output: str, *options: str) -> Run:
    where = ("--file", bench.folder / output, "--dbname", data.source.dsn)
    return run(*bench.pg_dump, *options, *data.dumped, *where)


def _compressed_dump(bench: Bench, data: DataSet) -> Callable[[], Run] | None:
    """Return a dump by pg_dump, or through the program zstd where this pg_dump was built without.

    Without the program either, there is none.
    """
    zstd = "--compress=zstd:3"

    def by_itself() -> Run:
        shutil.rmtree(bench.folder / ZSTD_DUMP, ignore_errors=True)
        return _dump(bench, data, ZSTD_DUMP, "-Fd", zstd)

    try:
        _dump(bench, data, "dump-of-nothing", "-Fc", zstd, "--exclude-table-data=*")
    except RuntimeError as error:
        if "does not support compression" not in str(error):
            raise
        return partial(_dump_through_zstd, bench, data) if shutil.which("zstd") else None
    return by_itself


def _dump_through_zstd(bench: Bench, data: DataSet) -> Run:
    dump = [*bench.pg_dump, *data.dumped, "--dbname", data.source.dsn]
    shell = 'file=$1; shift; "$@" | zstd -q -3 -f -o "$file"'
    return run(Path("/bin/sh"), "-c", shell, "sh", bench.folder / ZSTD_DUMP, *dump)
