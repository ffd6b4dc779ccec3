"""Mistakes that only plugins or a database bring to light name the file, and come together."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from replant import api
from replant.errors import ConfigurationError
from replant.model import OnConflict, Registration, RelationName, TableSettings
from replant.plugins.discovery import Candidate, LoadedPlugin
from replant.plugins.hookspecs import hookimpl
from replant.plugins.manager import Host
from replant_plugins.strategies import ordered
from tests.support.moves import Move, Registering

NAME = RelationName("s", "t")


class Complaining:
    """A plugin that finds a mistake in its settings."""

    def __init__(self, name: str) -> None:
        self._name = name

    @hookimpl
    def register_tables(self) -> list[Registration]:
        raise ConfigurationError(f"plugins.{self._name}.key: it is wrong")


def host(**plugins: object) -> Host:
    return Host([LoadedPlugin(Candidate(n, "tests", "1", n), p) for n, p in plugins.items()])


def test_mistakes_in_the_settings_of_several_plugins_come_together(move: Move) -> None:
    settings = evolve(move.settings(), file="some.toml")
    with pytest.raises(ConfigurationError) as caught:
        api.plan(settings, host(one=Complaining("one"), two=Complaining("two"), o=ordered))
    assert str(caught.value).splitlines() == [
        "some.toml: plugins.one.key: it is wrong",
        "some.toml: plugins.two.key: it is wrong",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (TableSettings(NAME, omit=("nothing",)), "tables[0].omit: s.t has no column 'nothing'"),
        (TableSettings(NAME, omit=("id",)), "tables[0].omit: s.t.id cannot be omitted"),
        (TableSettings(NAME, where="nothing = 1"), "tables[0].where: the condition on the rows"),
        (TableSettings(NAME, on_conflict=OnConflict.SAME), "tables[0].on_conflict: rows of s.t"),
    ],
)
def test_a_mistake_that_the_database_shows_names_file_and_path(
    move: Move, change: TableSettings, said: str
) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int NOT NULL)")
    settings = evolve(move.settings(), file="some.toml", tables=(change,))
    tables = host(all=Registering((Registration(NAME),)), o=ordered)
    with pytest.raises(ConfigurationError) as caught:
        api.plan(settings, tables)
    assert str(caught.value).startswith(f"some.toml: {said}")


@pytest.mark.parametrize("ask", [api.replay, api.preflight])
def test_so_does_a_replay(move: Move, ask: Callable[..., object]) -> None:
    move.on_both("CREATE SCHEMA s; CREATE TABLE s.t (id int NOT NULL)")
    move.export()
    change = TableSettings(NAME, on_conflict=OnConflict.UPDATE)
    settings = evolve(move.settings(), file="some.toml", tables=(change,))
    with pytest.raises(ConfigurationError, match=r"^some\.toml: tables\[0\]\.on_conflict: "):
        ask(str(move.artifact), settings, host=move.host)
