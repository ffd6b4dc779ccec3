"""Rows moved from one database to another: in every form of an artifact, by replant and by psql."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen
from psycopg import Connection

from replant import api
from replant.api import Exported, Replayed
from replant.errors import ReplantError
from replant.model import (
    ByColumn,
    Catalog,
    Compression,
    ExportSettings,
    Layout,
    OnConflict,
    Plan,
    Registration,
    RelationKind,
    Settings,
    TableSettings,
    ThroughForeignKey,
)
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant.testing.servers.server import Database, embedded_program
from replant_plugins.strategies import auto, ordered, superuser

#: Every form of an artifact.
FORMS = {
    "file-insert": ExportSettings(),
    "file-copy": ExportSettings(format="copy"),
    "directory": ExportSettings(layout=Layout.DIRECTORY),
    "directory-zstd": ExportSettings(layout=Layout.DIRECTORY, compress=Compression.ZSTD),
}
#: Those that differ in more than the compression.
FORMATS = {name: FORMS[name] for name in ("file-insert", "file-copy", "directory")}
FILES = {name: FORMS[name] for name in ("file-insert", "file-copy")}

in_every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
in_every_format = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
in_every_file = pytest.mark.parametrize("form", FILES.values(), ids=FILES)


@frozen
class Way:
    """A form, and what loads it."""

    form: ExportSettings
    by_psql: bool = False


WAYS = {
    **{name: Way(form) for name, form in FORMS.items()},
    **{f"{name}-by-psql": Way(form, by_psql=True) for name, form in FILES.items()},
}
#: By replant from a directory, and by psql from each sort of file.
THREE_WAYS = {
    name: WAYS[name] for name in ("directory", "file-copy-by-psql", "file-insert-by-psql")
}
#: One way by replant and one by psql, for what does not depend on the form.
TWO_WAYS = {name: WAYS[name] for name in ("directory", "file-insert-by-psql")}

in_every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
in_three_ways = pytest.mark.parametrize("way", THREE_WAYS.values(), ids=THREE_WAYS)
in_two_ways = pytest.mark.parametrize("way", TWO_WAYS.values(), ids=TWO_WAYS)


_EMPTY = """
DO $$
DECLARE
  schema text;
BEGIN
  FOR schema IN SELECT nspname FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname NOT IN ('public', 'information_schema')
  LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', schema);
  END LOOP;
  PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
END $$
"""


@frozen
class Outcome:
    """How a load ended.

    Attributes:
        kept: whether it committed.
        said: its notes, or why it did not commit.
        printed: what psql wrote to its standard output.

    """

    kept: bool
    said: str
    printed: str = ""


@frozen(eq=False)
class Registering:
    """A plugin that registers what it is told; or all rows of every table outside `public`."""

    registrations: tuple[Registration, ...]

    @hookimpl
    def register_tables(self, catalog: Catalog) -> list[Registration]:
        return list(self.registrations) or [
            Registration(name)
            for name, table in catalog.tables.items()
            if name.schema != "public"
            and table.kind in (RelationKind.TABLE, RelationKind.PARTITIONED_TABLE)
            and not table.is_partition
        ]


@frozen
class Move:
    """Two databases, connections of a superuser to them in autocommit mode, and an artifact.

    Attributes:
        registrations: what is exported; empty for every table outside `public`.
        tables: `[[tables]]` of the configuration.
        strategy: orders the load.

    """

    from_: Database
    to: Database
    source: Connection[Any]
    target: Connection[Any]
    artifact: Path
    registrations: tuple[Registration, ...] = ()
    tables: tuple[TableSettings, ...] = ()
    scope: Mapping[str, str] = field(factory=dict)
    strategy: str = "ordered"

    def empty(self) -> None:
        """Leave no schema but `public` in either database."""
        for connection in self._both:
            connection.execute(_EMPTY)

    def of_tenant(self, tenant: str, *, column: str = "tenant") -> Move:
        """The same, of a tenant: its rows of `s.t`, and those of `s.u` that reference them."""
        return evolve(
            self,
            scope={"tenant": tenant},
            registrations=(
                Registration("s.t", ByColumn(column, "tenant")),
                Registration("s.u", ThroughForeignKey(("t",))),
            ),
        )

    def on_both(self, statements: str) -> None:
        """Say the same to both databases."""
        for connection in (self.source, self.target):
            connection.execute(statements.encode(), prepare=False)

    def same(self, query: str) -> bool:
        """Whether both databases answer a query alike."""
        found = [connection.execute(query.encode()).fetchall() for connection in self._both]
        return found[0] == found[1]

    def found(self, query: str) -> list[Any]:
        """The target's answer: the values of its first column."""
        return [value for value, *_ in self.target.execute(query.encode())]

    def settings(self, form: ExportSettings | None = None) -> Settings:
        form = evolve(
            form or ExportSettings(),
            output=str(self.artifact),
            strategy=self.strategy,
            allow_empty=True,
        )
        return Settings(
            source=self.from_.dsn,
            target=self.to.dsn,
            scope=self.scope,
            export=form,
            tables=self.tables,
        )

    @property
    def host(self) -> Host:
        plugins = {
            "registering": Registering(self.registrations),
            "auto": auto,
            "ordered": ordered,
            "superuser": superuser,
        }
        candidates = [(Candidate(name, "tests", "1", name), p) for name, p in plugins.items()]
        return Host([LoadedPlugin(candidate, plugin) for candidate, plugin in candidates])

    def plan(self, form: ExportSettings | None = None) -> Plan:
        return api.plan(self.settings(form), self.host)

    def export(self, form: ExportSettings | None = None, role: str | None = None) -> Exported:
        """Write the artifact, in place of one that is there."""
        settings = self.settings(form)
        if role is not None:
            settings = evolve(settings, source=self.from_.as_role(role))
        return api.export(settings, host=self.host, force=True)

    def replay(self, role: str | None = None, on_conflict: OnConflict | None = None) -> Replayed:
        """Load the artifact into the target."""
        settings = self.settings(ExportSettings(on_conflict=on_conflict))
        if role is not None:
            settings = evolve(settings, target=self.to.as_role(role))
        return api.replay(str(self.artifact), settings, host=self.host)

    def psql(self, role: str | None = None, *options: str) -> Outcome:
        """Load the artifact into the target with psql alone."""
        dsn = self.to.as_role(role) if role is not None else self.to.dsn
        program = embedded_program("psql")
        done = subprocess.run(
            [
                program,
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                *options,
                "-d",
                dsn,
                "-f",
                self.artifact,
            ],
            env={**os.environ, "PGCLIENTENCODING": "UTF8"},
            capture_output=True,
            check=False,
        )
        return Outcome(done.returncode == 0, done.stderr.decode(), done.stdout.decode())

    def load(self, way: Way, role: str | None = None) -> Outcome:
        """Load the artifact into the target in one of the ways."""
        if way.by_psql:
            return self.psql(role)
        try:
            return Outcome(kept=True, said="\n".join(map(str, self.replay(role).notes)))
        except ReplantError as error:
            return Outcome(kept=False, said=str(error))

    def move(self, way: Way, role: str | None = None) -> Outcome:
        """Export, and load in the same way."""
        self.export(way.form)
        return self.load(way, role)

    def differing(self) -> list[str]:
        """What replant's own comparison finds."""
        results = api.verify(str(self.artifact), self.settings())
        return [f"{r.name}: {r.differences}" for r in results if not r.equal]

    @property
    def _both(self) -> Iterable[Connection[Any]]:
        return (self.source, self.target)
