"""The ways into a target: from each form, by replant and by psql; and verify and sync.

What `exports` left in the folder comes in. Every replay has an empty target of its own, and a role
that may INSERT and, for the checks, SELECT.
"""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from replant.testing.servers.server import Database
from tests.bench.commands import REPLANT, Run, run
from tests.bench.data_sets import WRITER, DataSet, target_of
from tests.bench.exports import export
from tests.bench.measuring import Bench, Result, in_rounds

#: The same file as `copy.sql`, without a check.
_UNCHECKED = "copy-unchecked.sql"

#: What replant loads, what psql loads beside it, and how much longer it may take.
_BESIDE = {
    "insert.sql": ("dump-inserts.sql", 0.5),
    "copy.sql": ("dump-copy.sql", 1.3),
    "directory": ("dump-copy.sql", 1.3),
}

_RELADIFF = Path(shutil.which("reladiff") or Path(sysconfig.get_path("scripts"), "reladiff"))


def replays(bench: Bench, data: DataSet) -> Iterator[Result]:
    """A replay of each form beside psql with pg_dump's; and what the check costs under psql."""
    export(bench, data, _UNCHECKED, "--format", "copy", "--check", "none")
    works: dict[str, Callable[[Database], Run]] = {
        **{f"replay {name}": partial(_by_replant, bench, name) for name in _BESIDE},
        **{
            f"psql {name}": partial(_by_psql, bench, name)
            for name in ("dump-inserts.sql", "dump-copy.sql", "copy.sql", _UNCHECKED)
        },
    }

    def in_new_target(work: Callable[[Database], Run]) -> Run:
        with target_of(bench, data) as target:
            return work(target)

    runs = in_rounds(
        {name: partial(in_new_target, work) for name, work in works.items()}, bench.rounds
    )
    for name, (other, most) in _BESIDE.items():
        what, beside = f"replay, {data.name}, {name}", f"psql with {other}"
        yield Result(what, runs[f"replay {name}"], runs[f"psql {other}"], most, beside)
    what = f"psql, {data.name}, copy.sql with its check"
    without = runs[f"psql {_UNCHECKED}"]
    yield Result(what, runs["psql copy.sql"], without, 1.15, "the same without")


def verifications(bench: Bench, data: DataSet, equal: Database) -> Iterator[Result]:
    """A comparison with a target that holds all rows, and with one of which ten were changed."""
    with target_of(bench, data, equal) as changed:
        with psycopg.connect(changed.dsn, autocommit=True) as connection:
            connection.execute(data.changed.encode())
        works = {
            "equal": partial(_verify, bench, equal),
            "changed": partial(_verify, bench, changed, 1),
        }
        if _RELADIFF.exists():
            works["reladiff"] = partial(_reladiff, data, equal)
        runs = in_rounds(works, bench.rounds)
    theirs = runs.get("reladiff", ())
    what, beside = f"verify, {data.name}, equal", "reladiff" if theirs else ""
    yield Result(what, runs["equal"], theirs, 0.4 if theirs else None, beside)
    what = f"verify, {data.name}, 10 rows changed"
    yield Result(what, runs["changed"], runs["equal"], 1.2, "equal rows")


def synchronizations(bench: Bench, data: DataSet, equal: Database) -> Iterator[Result]:
    """A refresh of a target in which one row of a hundred differs, beside a load of all rows.

    It begins with a copy of a target that holds all rows.
    """

    def replayed() -> Run:
        with target_of(bench, data) as target:
            return _by_replant(bench, "directory", target)

    def synchronized(like: Database) -> Run:
        with target_of(bench, data, like) as target:
            where = (bench.folder / "directory", "--target", target.dsn)
            return bench.replant("sync", *where, "--max-deletes", "0")

    with target_of(bench, data, equal) as refreshed:
        with psycopg.connect(refreshed.dsn, autocommit=True) as connection:
            connection.execute(data.refreshed.encode())
            connection.execute("VACUUM ANALYZE")
        works: dict[str, Callable[[], Run]] = {"sync": partial(synchronized, refreshed)}
        if not bench.is_trial:
            works["replay"] = replayed
        runs = in_rounds(works, bench.rounds)
    what = f"sync, {data.name}, 1 row of 100 changed"
    if bench.is_trial:
        yield Result(what, runs["sync"])
    else:
        yield Result(what, runs["sync"], runs["replay"], 0.3, "replay of the directory")


@contextmanager
def loaded(bench: Bench, data: DataSet) -> Iterator[Database]:
    """A target that holds all rows."""
    with target_of(bench, data) as target:
        _by_psql(bench, "dump-copy.sql", target)
        yield target


def _by_replant(bench: Bench, name: str, target: Database) -> Run:
    return bench.replant("replay", bench.folder / name, "--target", target.as_role(WRITER))


def _by_psql(bench: Bench, name: str, target: Database) -> Run:
    return bench.psql(bench.folder / name, target.as_role(WRITER))


def _verify(bench: Bench, target: Database, code: int = 0) -> Run:
    where = ("verify", bench.folder / "copy.sql", "--target", target.dsn, "-q")
    return run(REPLANT, *where, code=code)


def _reladiff(data: DataSet, target: Database) -> Run:
    """Compare the largest table alone, which is most of the rows."""
    table = str(data.tables[-1])
    with psycopg.connect(data.source.dsn) as connection:
        # reladiff takes no socket from a URI, and ends with 0 where it cannot connect.
        host, user = f"PGHOST={connection.info.host}", connection.info.user
    sides = [(f"postgresql://{user}@/{side.name}", table) for side in (data.source, target)]
    command = (*sides[0], *sides[1], "-k", "id", "-c", "%")
    return run(shutil.which("env") or "env", host, _RELADIFF, *command, failing=" ERROR ")
