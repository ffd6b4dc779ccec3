"""Public values hold what their annotations say, or do not come to be."""

# Mistakes are what these tests make.
# mypy: disable-error-code="arg-type, dict-item, misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

import replant
from replant import model
from replant.model import (
    AllRows,
    ArrayReference,
    ByColumn,
    ByPredicate,
    Catalog,
    Column,
    Cycle,
    DeferConstraints,
    EdgeRule,
    InClosure,
    LoadOrder,
    LoadTable,
    LoadTogether,
    OrderRequest,
    PatchColumns,
    PlainReference,
    PluginSettings,
    PolymorphicReference,
    PolymorphicTarget,
    PythonFunction,
    PythonRow,
    Registration,
    RelationName,
    Settings,
    SqlExpression,
    Table,
    ThroughForeignKey,
    WhereReferenced,
)

NAME = RelationName("s", "t")

Make = Callable[..., Any]


def mistakes() -> dict[str, tuple[Make, str]]:
    """Values that a plugin could make by mistake, each with a part of what is said of it."""
    made: dict[str, Make] = {
        "rows must be .* InClosure, not the class WhereReferenced": lambda: Registration(
            NAME, rows=WhereReferenced
        ),
        "rows must be ByColumn, .*, not a text": lambda: Registration(NAME, rows="tenant_id = 1"),
        "rows must be ByColumn, .*, not None": lambda: Registration(NAME, rows=None),
        "table must be RelationName, not an integer": lambda: Registration(7),
        "omit must be a tuple, .* a text, not a text": lambda: Registration(NAME, omit="id"),
        "omit must be .*, not a tuple with int": lambda: Registration(NAME, omit=(1,)),
        "omit must be .*, not an integer": lambda: Registration(NAME, omit=7),
        "children must be a member of Children": lambda: Registration(NAME, children="follow"),
        "edges must be a dict .*, not a tuple": lambda: Registration(NAME, edges=["fk"]),
        "edges must be a dict from a text to EdgeRule": lambda: Registration(NAME, edges={"a": 1}),
        "references must be a tuple": lambda: Registration(NAME, references="fk"),
        "shape must be TableShape or None, not an integer": lambda: Registration(NAME, shape=7),
        "ByColumn.column must be a text": lambda: ByColumn(1, "scope"),
        "ByColumn.scope must be a text": lambda: ByColumn("id", None),
        "ThroughForeignKey.columns must be a tuple": lambda: ThroughForeignKey("parent_id"),
        "columns must not be empty": lambda: ThroughForeignKey(()),
        "sql must not be empty": lambda: ByPredicate(" "),
        "sql has a NUL": lambda: ByPredicate("a = '\0'"),
        "sql has a lone surrogate": lambda: SqlExpression("'\ud800'"),
        "InClosure.root must be a text or None": lambda: InClosure(5),
        "SqlExpression.sql must be a text, not None": lambda: SqlExpression(None),
        "function must be a function that takes 1 argument, not a text": lambda: PythonFunction(
            "upper"
        ),
        "takes 1 argument, not a function that takes others": lambda: PythonFunction(lambda: "x"),
        "PythonRow.function must be a function that takes 1": lambda: PythonRow(lambda a, b: b""),
        "columns must be a tuple, .*, not a text": lambda: PlainReference(NAME, "a", NAME, ("b",)),
        "columns has 1 names, referenced_columns 2": lambda: PlainReference(
            NAME, ("a",), NAME, ("b", "c")
        ),
        "ArrayReference.column must be a text": lambda: ArrayReference(NAME, ("a",), NAME, "b"),
        "columns has 2 names, referenced_columns 1": lambda: PolymorphicReference(
            NAME, "kind", ("a", "b"), (PolymorphicTarget("x", NAME, ("id",)),)
        ),
        "targets must not be empty": lambda: PolymorphicReference(NAME, "kind", ("a",), ()),
        "limit must be an integer or None, not True": lambda: EdgeRule(limit=True),
        "steps must be a tuple, .*, not the class|LoadTable": lambda: LoadOrder(LoadTable),
        "steps must be a tuple, each item of which is": lambda: LoadOrder(steps=(NAME,)),
        "before must be": lambda: LoadOrder((), before=("SET CONSTRAINTS ALL DEFERRED",)),
        "tables must be a tuple": lambda: LoadTogether("s.t"),
        "PatchColumns.columns must be a tuple": lambda: PatchColumns(NAME, "parent_id"),
        "a tuple of 2 items: a text, a text": lambda: DeferConstraints((("s",),)),
        "Cycle.way must be a text": lambda: Cycle((NAME,), None),
        "OrderRequest.strategy must be a text": lambda: OrderRequest(None, ()),
        "Settings.scope must be a dict": lambda: Settings(scope="tenant=1"),
        "enable must be a tuple": lambda: PluginSettings(enable="schemas"),
        "RelationName.schema must be a text": lambda: RelationName(None, "t"),
        "Table.columns must be a tuple": lambda: Table(NAME, "id"),
    }
    return {text: (make, text) for text, make in made.items()}


@pytest.mark.parametrize(("make", "said"), mistakes().values(), ids=mistakes())
def test_a_mistake_is_refused_where_it_is_made(make: Make, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_every_public_value_is_checked() -> None:
    values = [
        value
        for module in (replant, model)
        for name in module.__all__
        if isinstance(value := getattr(module, name), type) and attrs.has(value)
    ]
    unchecked = {
        f"{value.__name__}.{attribute.name}"
        for value in values
        if value.__module__.startswith("replant.model.")
        for attribute in attrs.fields(value)
        if attribute.init and attribute.validator is None
    }
    assert len(values) > 20
    assert unchecked == set()


def test_lists_are_taken_as_tuples_which_nobody_can_change() -> None:
    columns = ["a", "b"]
    rows = ThroughForeignKey(columns)
    columns.append("c")
    assert rows == ThroughForeignKey(("a", "b"))


def test_a_function_that_does_not_say_what_it_takes_is_taken() -> None:
    assert PythonFunction(str).function("x") == "x"


def test_settings_are_read_only_all_the_way_down() -> None:
    given: dict[str, dict[str, Any]] = {"mask": {"columns": {"s.t.c": ["md5"]}, "on": True}}
    settings = Settings(plugins=PluginSettings(settings=given), scope={"tenant": "1"})
    given["mask"]["columns"].clear()
    held: Any = settings.plugins.settings["mask"]
    assert held["columns"]["s.t.c"] == ("md5",)
    for change in (
        lambda: held.pop("columns"),
        lambda: held["columns"].pop("s.t.c"),
        lambda: held["columns"]["s.t.c"].append("x"),
        lambda: settings.scope.update(tenant="2"),  # type: ignore[attr-defined]
        lambda: settings.plugins.settings.pop("mask"),  # type: ignore[attr-defined]
    ):
        with pytest.raises(AttributeError):
            change()
    with pytest.raises(TypeError):
        held["on"] = False


def test_a_catalog_is_read_only_all_the_way_down() -> None:
    table = Table(NAME, (Column("id", "integer"),))
    catalog: Any = Catalog("d", "r", 180000, {NAME: table})
    for held in (catalog.tables, catalog.types, catalog.ranges):
        with pytest.raises(AttributeError):
            held.clear()
    with pytest.raises(AttributeError):
        catalog.tables[NAME].columns = ()
    assert Registration(NAME) == Registration("s.t", rows=AllRows())
