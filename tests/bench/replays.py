"""The way into a target: from each form, by replant and by psql, with each check.

The artifacts that `forms` left in the folder come in. Every replay has an empty target of its own,
and a role that may INSERT and, for the checks, SELECT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from replant.model import Check
from replant.testing.servers.server import Database, grant
from tests.bench.commands import PSQL, Run, run
from tests.bench.forms import ARTIFACTS
from tests.bench.measuring import MB, Bench, Measured, in_rounds, middle, said, took
from tests.bench.tenants import FILLED, all_tables, empty, field_count

_DUMP = "psql, dump-copy.sql"

#: What is loaded by replant and by psql with each check; the first check is the default.
_CHECKED = "copy.sql"
_LESSER = (Check.COUNT, Check.NONE)


def replays(bench: Bench, source: Database) -> Iterator[Measured]:
    """A replay of each form, beside psql with pg_dump's COPY; and what each check costs."""
    template = _empty_with_roles(bench)
    works: dict[str, Callable[[Database], Run]] = {
        **{f"replant, {name}": partial(_by_replant, bench, name) for name in ARTIFACTS},
        "psql, insert.sql": partial(_by_psql, bench, "insert.sql"),
        "psql, copy.sql": partial(_by_psql, bench, _CHECKED),
        _DUMP: partial(_by_psql, bench, "dump-copy.sql"),
    }
    for check in _LESSER:
        name = f"check-{check.value}.sql"
        form = (*ARTIFACTS[_CHECKED], "--check", check.value)
        said(f"export {name}", partial(bench.export, source, name, *form))
        works[f"replant, {name}"] = partial(_by_replant, bench, name)
        works[f"psql, {name}"] = partial(_by_psql, bench, name)
    rows = field_count(source)
    runs = in_rounds(
        {name: partial(_into_empty, bench, template, work) for name, work in works.items()},
        bench.rounds,
    )
    for name, each in runs.items():
        yield Measured(f"load by {name}, {rows} rows", took(each))
    for name in (*(f"replant, {name}" for name in ARTIFACTS), "psql, insert.sql", "psql, copy.sql"):
        yield _ratio(runs, name, _DUMP)
    for program in ("replant", "psql"):
        without = f"{program}, check-{Check.NONE.value}.sql"
        yield _ratio(runs, f"{program}, check-{Check.COUNT.value}.sql", without)
        yield _ratio(runs, f"{program}, {_CHECKED}", without)
    yield from _verification(bench, template)


def _ratio(runs: dict[str, list[Run]], one: str, other: str) -> Measured:
    return Measured(f"ratio of {one} to {other}", f"{middle(runs[one]) / middle(runs[other]):.2f}")


def _empty_with_roles(bench: Bench) -> Database:
    """The platform's schemas, a role that may load them and one that may read them."""
    template = empty(bench.server)
    tables = all_tables(template)
    grant(template, bench.server.create_role("writer"), "INSERT, SELECT", FILLED)
    grant(template, bench.server.create_role("reader"), "SELECT", tables)
    return template


def _into_empty(bench: Bench, template: Database, work: Callable[[Database], Run]) -> Run:
    """Load into a target that nobody has loaded into before."""
    target = bench.server.create_database(template.name)
    try:
        return work(target)
    finally:
        bench.server.drop_database(target)


def _by_replant(bench: Bench, name: str, target: Database) -> Run:
    return bench.replant("replay", bench.folder / name, "--target", target.as_role("writer"))


def _by_psql(bench: Bench, name: str, target: Database) -> Run:
    options = ("-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1")
    return run(PSQL, *options, "-f", bench.folder / name, "-d", target.as_role("writer"))


def _verification(bench: Bench, template: Database) -> Iterator[Measured]:
    """A verification of what a replay brought, as a role that may only read."""
    target = bench.server.create_database(template.name)
    _by_psql(bench, "dump-copy.sql", target)
    where = ("--target", target.as_role("reader"))
    work = partial(bench.replant, "verify", bench.folder / _CHECKED, *where)
    each = said("verify", work)
    yield Measured("replant verify, the same rows, once", f"{each.seconds:.2f} s")
    yield Measured("replant verify, peak of memory", f"{each.peak / MB:.1f} MB")
    bench.server.drop_database(target)
    bench.server.drop_database(template)
