"""Tenants live in two databases: they are changed, refreshed, brought back, cloned and removed.

The schema is drawn: keys that may run in circles, that may be NULL or not, that act on deletion or
not. After each step the databases hold what plain Python says, and of other rows not a byte more
or less. Each command runs as a role that has no more privileges than the guides name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import psycopg
from attrs import evolve, frozen
from hypothesis import event
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from psycopg import Connection

from replant import api
from replant.errors import ChangeError, UsageError
from replant.model import ExportSettings, Layout, OnConflict, PluginSettings, Settings
from replant.testing.servers.server import Database, grant
from tests.support.moves import Move
from tests.support.property_tests import example_count

#: Every table has these columns. Those of a tenant have an owner; tenants and cities have none.
TENANT, CITY = "tenant", "city"
OWNED = ("a", "b", "c")
TABLES = (TENANT, CITY, *OWNED)
TENANTS = (1, 2)

#: What each role may do; see docs/how-to.
PRIVILEGES = {
    "life_reader": "SELECT",
    "life_loader": "SELECT, INSERT",
    "life_remover": "SELECT, DELETE",
    "life_keeper": "SELECT, INSERT, UPDATE, DELETE",
}
READER, LOADER, REMOVER, KEEPER = PRIVILEGES

Key = tuple[str, int]
Row = Mapping[str, int | None]
Rows = dict[Key, Row]


@frozen
class ForeignKeyDrawn:
    """A foreign key of a drawn schema."""

    table: str
    column: str
    references: str
    not_null: bool = False
    action: str = "NO ACTION"

    @property
    def statement(self) -> str:
        """What creates it."""
        null = "SET NOT NULL" if self.not_null else "DROP NOT NULL"
        return (
            f"ALTER TABLE s.{self.table} ALTER {self.column} {null},"
            f" ADD FOREIGN KEY ({self.column}) REFERENCES s.{self.references}"
            f" ON DELETE {self.action};"
        )


ACTIONS = st.sampled_from(["NO ACTION", "NO ACTION", "CASCADE", "RESTRICT", "SET NULL"])


def written(table: str, id_: int, owner: int, x: int | None, unique: int) -> str:
    """Insert a row, or update it."""
    value = "NULL" if x is None else x
    return (
        f"INSERT INTO s.{table} VALUES ({id_}, {owner}, {value}, {unique})"
        f" ON CONFLICT (id) DO UPDATE SET x = excluded.x, u = excluded.u"
    )


def swapped(table: str) -> str:
    """Let each row of a table take the unique value of the next one."""
    return (
        f"UPDATE s.{table} SET u = u + 100;"
        f"UPDATE s.{table} AS t SET u = n.u - 100 FROM (SELECT id, coalesce(lead(u) OVER w,"
        f" first_value(u) OVER w) AS u FROM s.{table} WINDOW w AS (ORDER BY id)) AS n"
        f" WHERE n.id = t.id"
    )


SIDES = st.sampled_from([(0,), (1,), (0, 1)])
TABLE, ID = st.sampled_from(OWNED), st.integers(1, 6)
WRITTEN = st.builds(
    written, TABLE, ID, st.sampled_from(TENANTS), ID | st.none(), st.integers(1, 30)
)
CHANGES = st.one_of(
    WRITTEN,
    WRITTEN,
    st.builds(lambda table, id_: f"DELETE FROM s.{table} WHERE id = {id_}", TABLE, ID),
    st.builds(swapped, TABLE),
    st.builds(lambda id_: f"INSERT INTO s.city VALUES ({id_}) ON CONFLICT DO NOTHING", ID),
    st.builds(
        lambda id_, x: f"UPDATE s.tenant SET x = {x or 'NULL'} WHERE id = {id_}",
        st.sampled_from(TENANTS),
        ID | st.none(),
    ),
)


@st.composite
def schemas(draw: st.DrawFn) -> tuple[tuple[ForeignKeyDrawn, ...], frozenset[str]]:
    """Foreign keys, and the tables whose unique column may be NULL."""
    keys = [ForeignKeyDrawn(TENANT, "x", draw(st.sampled_from([CITY, *OWNED])))]
    keys.append(ForeignKeyDrawn(CITY, "x", CITY))
    for name in OWNED:
        keys.append(ForeignKeyDrawn(name, "owner", TENANT, not_null=True, action=draw(ACTIONS)))
        other = draw(st.sampled_from([CITY, *OWNED]))
        keys.append(ForeignKeyDrawn(name, "x", other, action=draw(ACTIONS)))
    return tuple(keys), draw(st.frozensets(st.sampled_from(OWNED)))


class Side:
    """One of the two databases, and what it holds."""

    def __init__(self, database: Database, connection: Connection[Any]) -> None:
        self.database = database
        self.connection = connection

    def as_role(self, role: str) -> str:
        return self.database.as_role(role)

    def rows(self) -> Rows:
        found: Rows = {}
        for table in TABLES:
            cursor = self.connection.execute(f"SELECT id, owner, x, u FROM s.{table}".encode())
            for id_, owner, x, unique in cursor:
                found[table, id_] = {"owner": owner, "x": x, "u": unique}
        return found

    def try_to(self, statement: str) -> None:
        """Run a statement; a constraint may refuse it."""
        with suppress(psycopg.IntegrityError):
            self.connection.execute(statement.encode(), prepare=False)


def parents(keys: tuple[ForeignKeyDrawn, ...], key: Key, row: Row) -> Iterator[Key]:
    for each in keys:
        value = row[each.column]
        if each.table == key[0] and value is not None:
            yield each.references, value


def owned_rows(keys: tuple[ForeignKeyDrawn, ...], rows: Rows, tenant: int) -> set[Key]:
    """The tenant, and what references it or its rows."""
    found = {(TENANT, tenant)} & rows.keys()
    while True:
        more = {key for key, row in rows.items() if found.intersection(parents(keys, key, row))}
        if more <= found:
            return found
        found |= more


def closed_rows(keys: tuple[ForeignKeyDrawn, ...], rows: Rows, found: set[Key]) -> set[Key]:
    """Those rows, and all that they reference."""
    found = set(found)
    while True:
        more = {parent for key in found for parent in parents(keys, key, rows[key])}
        if more <= found:
            return found
        found |= more


def is_valid(keys: tuple[ForeignKeyDrawn, ...], rows: Rows) -> bool:
    """Whether every reference leads somewhere, and unique values are so."""
    led = all(p in rows for key, row in rows.items() for p in parents(keys, key, row))
    values = [(table, row["u"]) for (table, _), row in rows.items() if row["u"] is not None]
    return led and len(values) == len(set(values))


class TenantLife(RuleBasedStateMachine):
    """Two databases, and all that is done with tenants."""

    move: ClassVar[Move]

    def __init__(self) -> None:
        super().__init__()
        self.sides = [
            Side(self.move.from_, self.move.source),
            Side(self.move.to, self.move.target),
        ]
        self.folder = TemporaryDirectory()
        self.backups: list[tuple[int, int, str, Rows]] = []
        self.number = 0

    @initialize(schema=schemas(), rows=st.lists(WRITTEN, min_size=20, max_size=30))
    def deploy(
        self, schema: tuple[tuple[ForeignKeyDrawn, ...], frozenset[str]], rows: list[str]
    ) -> None:
        self.keys, nullable = schema
        self.move.empty()
        tables = "".join(
            f"CREATE TABLE s.{name} (id int PRIMARY KEY, owner int, x int, u int UNIQUE"
            f"{'' if name in nullable or name not in OWNED else ' NOT NULL'});"
            for name in TABLES
        )
        self.move.on_both(
            f"CREATE SCHEMA s;{tables}{''.join(key.statement for key in self.keys)}"
            "INSERT INTO s.tenant (id) VALUES (1), (2); INSERT INTO s.city (id) VALUES (1), (2)"
        )
        for side in self.sides:
            for role, privileges in PRIVILEGES.items():
                grant(side.database, role, privileges, [f"s.{name}" for name in TABLES])
        self.change((0, 1), rows)

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(sides=SIDES, changes=st.lists(CHANGES, min_size=3, max_size=8))
    def change(self, sides: tuple[int, ...], changes: list[str]) -> None:
        """Somebody changes rows, on one side or on both."""
        for side in sides:
            for statement in changes:
                self.sides[side].try_to(statement)

    # -- what replant does -----------------------------------------------------------------------

    @rule(side=st.integers(0, 1), tenant=st.sampled_from(TENANTS), layout=st.sampled_from(Layout))
    def refresh(self, side: int, tenant: int, layout: Layout) -> None:
        """The other side's tenant becomes that of this side."""
        origin, target = self.sides[side], self.sides[1 - side]
        artifact = self.export(side, tenant, layout)
        self.number += 1
        backup = f"{self.folder.name}/backup{self.number}"
        before = target.rows()
        if self.sync(origin.rows(), target, tenant, artifact, backup):
            self.backups.append((1 - side, tenant, backup, before))

    @precondition(lambda self: self.backups)
    @rule()
    def bring_back(self) -> None:
        """Undo the last refresh: what it changed is as it was, if nobody changed it since."""
        side, tenant, backup, before = self.backups.pop()
        self.sync(before, self.sides[side], tenant, backup, None)

    @rule(side=st.integers(0, 1), tenant=st.sampled_from(TENANTS), layout=st.sampled_from(Layout))
    def remove(self, side: int, tenant: int, layout: Layout) -> None:
        """The tenant of one side is removed from the other, if it is the same there."""
        artifact = self.export(side, tenant, layout)
        rows = self.sides[side].rows()
        target = self.sides[1 - side]
        before = target.rows()
        owned = owned_rows(self.keys, rows, tenant)
        left = {key: row for key, row in before.items() if key not in owned}
        same = all(before.get(key) == rows[key] for key in owned)
        try:
            api.remove(artifact, self.settings(target.as_role(REMOVER)), confirm=lambda _: True)
        except ChangeError:
            assert target.rows() == before
            assert not same or not is_valid(self.keys, left)
            return
        assert same
        assert target.rows() == left

    @rule(tenant=st.sampled_from(TENANTS))
    def compare(self, tenant: int) -> None:
        one, other = self.sides
        mine, theirs = (
            {key: side.rows()[key] for key in self.closed(side.rows(), tenant)}
            for side in self.sides
        )
        places = one.as_role(READER), other.as_role(READER)
        found = api.diff(*places, self.settings("", tenant))
        differing = {
            (table.name.name, int(row.key["id"] or 0))
            for table in found.tables
            for row in table.rows
        }
        assert differing == {
            key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)
        }

    @rule(side=st.integers(0, 1), tenant=st.sampled_from(TENANTS), taken_back=st.booleans())
    def clone(self, side: int, tenant: int, taken_back: bool) -> None:
        """A tenant comes once more into its own database, under other keys."""
        place = self.sides[side]
        before = place.rows()
        if (TENANT, tenant) not in before:
            return
        self.number += 1
        offset = 1000 * self.number
        output = f"{self.folder.name}/clone{self.number}"
        form = ExportSettings(output=output, layout=Layout.DIRECTORY, on_conflict=OnConflict.SAME)
        settings = self.settings(place.as_role(LOADER), tenant, place.as_role(READER), form)
        settings = evolve(
            settings,
            plugins=PluginSettings(
                ("schemas", "renumber", "ordered"),
                {**settings.plugins.settings, "renumber": {"offset": offset}},
            ),
        )
        api.export(settings)
        api.replay(output, settings, confirm=lambda _: True)
        cloned = self.renumbered(before, tenant, offset)
        assert place.rows() == {**before, **cloned}
        assert all(result.equal for result in api.verify(output, settings))
        if taken_back:
            remover = evolve(settings, target=place.as_role(REMOVER))
            api.remove(output, remover, confirm=lambda _: True)
            assert place.rows() == before

    def renumbered(self, rows: Rows, tenant: int, offset: int) -> Rows:
        """The rows of a tenant under other keys."""
        owned = owned_rows(self.keys, rows, tenant)
        leads = {(key.table, key.column): key.references for key in self.keys}

        def moved(table: str, column: str, value: int | None) -> int | None:
            referenced = leads.get((table, column))
            is_owned = referenced is None or (referenced, value) in owned
            return None if value is None else value + offset * is_owned

        return {
            (table, id_ + offset): {
                column: moved(table, column, value) for column, value in rows[table, id_].items()
            }
            for table, id_ in owned
        }

    # -- how it is judged ------------------------------------------------------------------------

    def closed(self, rows: Rows, tenant: int) -> set[Key]:
        return closed_rows(self.keys, rows, owned_rows(self.keys, rows, tenant))

    def sync(
        self, origin: Rows, target: Side, tenant: int, artifact: str, backup: str | None
    ) -> bool:
        """Synchronize, and compare with what should become of the target.

        Of a tenant that the origin lacks only a backup tells the key.
        """
        is_backup = backup is None
        before = target.rows()
        wanted = owned_rows(self.keys, origin, tenant)
        shared = self.closed(origin, tenant) - wanted
        there = owned_rows(self.keys, before, tenant)
        expected = {
            **{key: row for key, row in before.items() if key not in there - wanted - shared},
            **{key: origin[key] for key in shared if key not in before or key in there},
            **{key: origin[key] for key in wanted},
        }
        of_others = any(
            key in before and key not in there and before[key] != origin[key] for key in wanted
        )
        possible = (
            (bool(wanted) or is_backup)
            and not of_others
            and is_valid(self.keys, expected)
            and owned_rows(self.keys, expected, tenant) == wanted
        )
        refusal = ""
        try:
            settings = self.settings(target.as_role(KEEPER))
            api.sync(artifact, settings, backup=backup, confirm=lambda _: True)
        except (ChangeError, UsageError) as error:
            refusal = str(error)
        keys = expected.keys() | before.keys()
        number = sum(expected.get(key) != before.get(key) for key in keys)
        event(refusal.partition(":")[0][:40] or f"changed {min(number, 5)} rows")
        if "exchange values of a unique key" in refusal:
            possible = False
        assert possible is not bool(refusal), refusal
        assert target.rows() == (before if refusal else expected)
        return not refusal

    def export(self, side: int, tenant: int, layout: Layout) -> str:
        self.number += 1
        output = f"{self.folder.name}/artifact{self.number}"
        form = ExportSettings(output=output, layout=layout, allow_empty=True)
        api.export(self.settings("", tenant, self.sides[side].as_role(READER), form))
        return output

    @staticmethod
    def settings(
        target: str, tenant: int = 1, source: str | None = None, form: ExportSettings | None = None
    ) -> Settings:
        schemas = {"roots": [f"s.tenant: id = {tenant}"]}
        return Settings(
            source=source,
            target=target,
            export=form or ExportSettings(),
            plugins=PluginSettings(("schemas", "ordered"), {"schemas": schemas}),
        )


def test_tenants_live_in_two_databases(move: Move) -> None:
    TenantLife.move = move
    for role in PRIVILEGES:
        move.source.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN".encode())
    try:
        run_state_machine_as_test(
            TenantLife,
            settings=examples(max_examples=example_count(4), stateful_step_count=10),
        )
    finally:
        listed = ", ".join(PRIVILEGES)
        for connection in (move.target, move.source):
            connection.execute(f"DROP OWNED BY {listed}".encode())
        move.source.execute(f"DROP ROLE {listed}".encode())
