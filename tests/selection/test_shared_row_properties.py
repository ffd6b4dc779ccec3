"""Whichever rows belong to nobody, those come along that the setting `shared` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from attrs import evolve, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from replant import api
from replant.errors import DanglingReferenceError
from replant.model import ExportSettings, OnConflict, PluginSettings, Settings, Shared
from replant.testing.servers.server import Server
from tests.support.moves import FORMATS, Move
from tests.support.property_tests import example_count
from tests.support.two_databases import connected

TABLES = """
CREATE SCHEMA s;
CREATE TABLE s.permission (id int PRIMARY KEY, org int);
CREATE TABLE s.role (id int PRIMARY KEY, org int, parent int, permission int
    REFERENCES s.permission);
ALTER TABLE s.role ADD FOREIGN KEY (parent) REFERENCES s.role;
CREATE TABLE s.member (id int PRIMARY KEY, org int NOT NULL, role int REFERENCES s.role);
"""
#: The tables that a row references, by the place of the column behind the owner.
REFERENCES = {"permission": (), "role": ("role", "permission"), "member": ("role",)}

#: The rows of a table: key to the owner, or None for nobody, and the keys that it references.
Rows = Mapping[int, tuple[int | None, tuple[int | None, ...]]]


@frozen
class Tenants:
    """Rows of two tenants and of nobody, and how one of the tenants is exported."""

    tables: Mapping[str, Rows]
    shared: Shared
    form: ExportSettings


@st.composite
def tenants(draw: DrawFn) -> Tenants:
    tables: dict[str, Rows] = {}
    for name, references in REFERENCES.items():
        owners = st.sampled_from([1, 1, 2] if name == "member" else [None, None, 1, 2])
        keys = range(1, draw(st.integers(1, 4)) + 1)
        held = {other: [None, *(keys if other == name else tables[other])] for other in references}
        tables[name] = {
            key: (draw(owners), tuple(draw(st.sampled_from(held[other])) for other in references))
            for key in keys
        }
    return Tenants(
        tables, draw(st.sampled_from(Shared)), draw(st.sampled_from([*FORMATS.values()]))
    )


def expected(drawn: Tenants) -> dict[str, list[int]] | None:
    """The keys of tenant 1's rows and of those that come with them; None if that is refused."""
    found = {
        (name, key)
        for name, rows in drawn.tables.items()
        for key, (owner, _) in rows.items()
        if owner == 1 or (owner is None and drawn.shared is Shared.ALL)
    }
    waiting = list(found)
    while waiting:
        name, key = waiting.pop()
        for other, referenced in zip(REFERENCES[name], drawn.tables[name][key][1], strict=True):
            if referenced is None or (other, referenced) in found:
                continue
            if drawn.tables[other][referenced][0] is not None or drawn.shared is Shared.FAIL:
                return None
            found.add((other, referenced))
            waiting.append((other, referenced))
    return {name: sorted(key for of, key in found if of == name) for name in REFERENCES}


@pytest.fixture(scope="module")
def databases(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    source, target = server.create_database(), server.create_database()
    artifact = tmp_path_factory.mktemp("shared") / "artifact"
    with connected(source) as at_source, connected(target) as at_target:
        move = Move(source, target, at_source, at_target, artifact)
        move.on_both(TABLES)
        yield move
    for database in (source, target):
        server.drop_database(database)


def filled(move: Move, drawn: Tenants) -> Move:
    move.on_both("TRUNCATE s.member, s.role, s.permission")
    move.source.execute("SET session_replication_role = replica")
    for name, rows in drawn.tables.items():
        for key, (owner, references) in rows.items():
            values = [key, owner, *references]
            marks = ", ".join(["%s"] * len(values))
            move.source.execute(f"INSERT INTO s.{name} VALUES ({marks})".encode(), values)
    return evolve(move, artifact=move.artifact.with_name(f"{id(drawn.form)}"))


@settings(max_examples=example_count(12))
@given(drawn=tenants())
def test_shared_rows_come_as_the_setting_says(databases: Move, drawn: Tenants) -> None:
    move = filled(databases, drawn)
    asked = {"include": ["s"], "scope_column": "org", "shared": drawn.shared.value}
    settings = Settings(
        source=move.from_.dsn,
        target=move.to.dsn,
        scope={"org": "1"},
        export=evolve(drawn.form, output=str(move.artifact), allow_empty=True),
        plugins=PluginSettings(("schemas",), {"schemas": asked}),
    )
    wanted = expected(drawn)
    if wanted is None:
        with pytest.raises(DanglingReferenceError):
            api.export(settings, force=True)
        return
    api.export(settings, force=True)
    api.replay(str(move.artifact), settings)
    assert {name: move.found(f"SELECT id FROM s.{name} ORDER BY 1") for name in wanted} == wanted
    assert all(result.equal for result in api.verify(str(move.artifact), settings))
    again = evolve(settings, export=evolve(settings.export, on_conflict=OnConflict.SAME))
    assert not any(api.replay(str(move.artifact), again).rows.values())
