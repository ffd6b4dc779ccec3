"""Mistakes of a configuration that only a database shows are told in one round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve

from replant import api
from replant.errors import ConfigurationError, ScopeError
from replant.model import (
    ByPredicate,
    ExportSettings,
    OnConflict,
    PluginSettings,
    Registration,
    RelationName,
    Settings,
    TableSettings,
)
from replant.plugins.manager import Host
from tests.support.moves import Move

SHOP = """
CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, tenant int NOT NULL, email text UNIQUE);
CREATE TABLE shop.orders (id int PRIMARY KEY, tenant int NOT NULL, note text,
    customer int REFERENCES shop.customer);
CREATE TABLE shop.log (at timestamptz, tenant int);
INSERT INTO shop.customer VALUES (1, 1, 'ada@acme.test');
INSERT INTO shop.orders VALUES (1, 1, 'n', 1);
INSERT INTO shop.log VALUES (now(), 1)
"""
CUSTOMER, ORDERS = RelationName("shop", "customer"), RelationName("shop", "orders")
SCHEMAS = {"scope_column": "tenant"}

#: Mistakes of every sort, each in settings of its own, and the places where they are told.
PLUGINS: Mapping[str, Mapping[str, Any]] = {
    "schemas": SCHEMAS,
    "mask": {"secret": "env:NOT_SET", "columns": {"shop.orders.customer": "email"}},
    "renumber": {"columns": {"shop.custmer.email": "value"}},
}
EXPORT = ExportSettings(
    strategy="orderd",
    format="xml",
    on_conflict=OnConflict.UPDATE,
    must_transform=("shop.orders.not", "*.later"),
)
TABLES = (
    TableSettings(RelationName("shop", "custmer"), omit=("id",)),
    TableSettings(ORDERS, omit=("nothing",), where="nothing = 1"),
    TableSettings(CUSTOMER, where="nix = 2"),
)
TOLD = [
    "plugins.mask.secret",
    'plugins.renumber.columns."shop.custmer.email"',
    "export.must_transform[0]",
    "tables[0].name",
    "tables[1].omit",
    "tables[2].where",
    "tables[1].where",
    "export.on_conflict",
    "export.strategy",
    "export.format",
    "plugins.mask",
]


def asking(move: Move, plugins: Mapping[str, Any], **changes: Any) -> Settings:
    move.source.execute(SHOP.encode(), prepare=False)
    said = PluginSettings(("schemas", *(name for name in plugins if name != "schemas")), plugins)
    return evolve(Settings(source=move.from_.dsn, scope={"tenant": "1"}, plugins=said), **changes)


def told(settings: Settings, host: Host | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        api.plan(settings, host)
    return str(caught.value).splitlines()


def places(settings: Settings) -> list[str]:
    return [line.partition(": ")[0] for line in told(settings)]


def test_mistakes_of_every_sort_are_told_at_once(move: Move) -> None:
    """Both ends of the masked reference are of a type that has no such mask."""
    assert places(asking(move, PLUGINS, export=EXPORT, tables=TABLES)) == [*TOLD, TOLD[-1]]


def test_so_is_one_of_the_scope_among_them(move: Move) -> None:
    asked = asking(move, PLUGINS, export=EXPORT, tables=TABLES, scope={"tenat": "1"})
    found = told(asked)
    assert [place for place in TOLD if not any(f"{place}: " in line for line in found)] == []
    (other,) = (line for line in found if line.partition(": ")[0] not in TOLD)
    assert other.startswith("scope 'tenat' is used by no registered table")


@pytest.mark.parametrize("where", [None, "nix = 2"])
def test_so_is_an_invalid_root_among_them(move: Move, where: str | None) -> None:
    plugins = {**PLUGINS, "schemas": {"roots": ["shop.customer: idd = 1", "shop.log: x"]}}
    tables = (TableSettings(ORDERS, where=where, omit=() if where else ("nothing",)),)
    found = told(asking(move, plugins, export=EXPORT, tables=tables, scope={}))
    invalid = [line.partition(": column")[0] for line in found if line.startswith("the condition ")]
    assert invalid == [
        "the condition shop.customer: idd = 1 is not valid",
        "the condition shop.log: x is not valid",
    ]
    others = {line.partition(": ")[0] for line in found} - {*invalid}
    assert {"plugins.mask.secret", "export.strategy", "export.format"} <= others
    assert ("tables[0].where" if where else "tables[0].omit") in others


def test_mistakes_of_the_scope_alone_are_of_the_scope(move: Move) -> None:
    with pytest.raises(ScopeError, match="did you mean 'tenant'"):
        api.plan(asking(move, {"schemas": SCHEMAS}, scope={"tenat": "1"}))


def test_expressions_that_a_clone_needs_are_told_with_misspelt_names(move: Move) -> None:
    plugins = {"schemas": SCHEMAS, "renumber": {"columns": {"shop.orders.nte": "value || 'x'"}}}
    first, *others = told(asking(move, plugins))
    assert "did you mean shop.orders.note?" in first
    rest = "\n".join(others)
    assert "plugins.renumber.offset: is missing, for shop.customer.id" in rest
    assert 'plugins.renumber.columns."shop.customer.email": is missing' in rest


def test_settings_without_the_wrong_names_are_used_for_no_export(move: Move) -> None:
    """The host is asked once more."""
    plugins = {"schemas": SCHEMAS, "mask": {"columns": {"shop.customer.emial": "email"}}}
    settings = asking(move, plugins)
    host = Host.for_settings(settings)
    for _ in range(2):
        assert "did you mean shop.customer.email?" in told(settings, host)[0]


def test_a_condition_of_a_plugin_names_the_plugin(move: Move) -> None:
    move.source.execute(SHOP.encode(), prepare=False)
    wrong = tuple(Registration(name, ByPredicate("nix = 1")) for name in (CUSTOMER, ORDERS))
    with pytest.raises(ConfigurationError) as caught:
        evolve(move, registrations=wrong).plan()
    first, second = str(caught.value).splitlines()
    assert "the rows of shop.customer that the plugin 'registering' chooses is not valid" in first
    assert "the rows of shop.orders that the plugin 'registering' chooses is not valid" in second


def test_a_column_to_protect_that_is_misspelt_is_refused(move: Move) -> None:
    """With wildcards a pattern may be for columns that come later."""
    settings = asking(move, {"schemas": SCHEMAS})
    protecting = evolve(settings, export=ExportSettings(must_transform=("shop.customer.emial",)))
    assert "did you mean shop.customer.email?" in told(protecting)[0]
    assert api.plan(evolve(settings, export=ExportSettings(must_transform=("*.later",)))).tables


def test_a_secret_that_is_not_set_is_told_once(move: Move, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOBODY_SETS_THIS", raising=False)
    masks = {"secret": "env:NOBODY_SETS_THIS", "columns": {"*.email": "hash"}}
    plugins = {"schemas": {"include": ["shop.*"]}, "mask": masks}
    (line,) = told(asking(move, plugins, scope={}))
    assert line.startswith("plugins.mask.secret: the environment variable 'NOBODY_SETS_THIS'")
