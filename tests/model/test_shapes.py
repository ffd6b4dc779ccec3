"""What a table looks like, as text, and how two such pictures differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from replant.model import AllRows, ColumnShape, Identity, Registration, RelationName, TableShape
from replant.model.table_differences import DifferenceKind, likely_renames, table_differences
from replant.model.table_shape import Keys, ShapeReference
from replant.model.types import DomainType
from replant_plugins.schemas import collections_public, meta_public
from replant_plugins.schemas.declaring import declare

T, U = RelationName("s", "t"), RelationName("s", "u")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("id uuid not null", ColumnShape("id", "uuid", not_null=True)),
        ("price numeric(10,2)", ColumnShape("price", "numeric(10,2)")),
        ("tags public.citext[]", ColumnShape("tags", "public.citext[]")),
        ("x double precision not null", ColumnShape("x", "double precision", not_null=True)),
        ("at timestamp(3) with time zone", ColumnShape("at", "timestamp(3) with time zone")),
        ('"no" "char"', ColumnShape("no", '"char"')),
        ('"say ""so""" text', ColumnShape('say "so"', "text")),
        ('m public."not null"', ColumnShape("m", 'public."not null"')),
        ("sum integer generated", ColumnShape("sum", "integer", generated=True)),
        (
            "n bigint not null generated always as identity",
            ColumnShape("n", "bigint", not_null=True, identity=Identity.ALWAYS),
        ),
    ],
)
def test_a_column_is_a_name_and_a_type_and_what_else_is_so(line: str, column: ColumnShape) -> None:
    assert TableShape.parse(line).columns == (column,)
    assert str(column) == line


def test_a_text_has_a_fact_on_each_line() -> None:
    shape = TableShape.parse(
        """
        b text

        a numeric(4,1) not null
        primary key (a, b)
        unique (b)
        foreign key (a) references s.u (id)
        """
    )

    assert [column.name for column in shape.columns] == ["b", "a"]
    assert shape.keys == Keys(
        ("a", "b"), frozenset({("b",)}), frozenset({ShapeReference(("a",), U, ("id",))})
    )


def test_a_registration_takes_the_text_as_it_is() -> None:
    registration = Registration("s.t", shape="id uuid not null\nprimary key (id)")

    assert registration.shape == TableShape.parse(["id uuid not null", "primary key (id)"])


@pytest.mark.parametrize(
    "line",
    [
        "id",
        "id uuid null",
        "id uuid not nul",
        "id uuid NOT NULL",
        "id uuid default now()",
        "id uuid; name text",
        "id uuid[",
        "primary key id",
        "unique id",
    ],
)
def test_a_malformed_line_is_shown(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{line!r} is not `name type`")):
        TableShape.parse(line)


@pytest.mark.parametrize("line", ["primary key ()", "foreign key (a) references t (b)"])
def test_a_malformed_key_is_shown(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{line!r} is not a key")):
        TableShape.parse(line)


def test_a_column_that_is_declared_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^declared more than once: a, b$"):
        TableShape.parse(["b text", "a text", "c text", "a uuid", "b text"])


# -- what is compared ----------------------------------------------------------------------------


def changes(wanted: str, found: str) -> list[DifferenceKind]:
    one, other = TableShape.parse(wanted), TableShape.parse(found)
    return [difference.change for difference in table_differences({T: one}, {T: other})]


def test_keys_of_which_nothing_is_said_are_not_compared() -> None:
    assert changes("id uuid", "id uuid\nprimary key (id)") == []


def test_that_there_is_no_key_can_be_said() -> None:
    assert changes("id uuid\nno key", "id uuid\nprimary key (id)") == [DifferenceKind.PRIMARY_KEY]


def test_a_key_of_a_column_that_is_gone_is_no_difference_of_its_own() -> None:
    wanted = "id uuid\na text\nb text\nprimary key (id)\nunique (a, b)"

    assert changes(wanted, "id uuid\nb text\nprimary key (id)") == [DifferenceKind.COLUMN_MISSING]


def test_of_two_columns_that_are_gone_each_finds_the_new_one_of_its_type() -> None:
    found = table_differences(
        {T: TableShape.parse("a text\nb date")}, {T: TableShape.parse("c date\nd text")}
    )

    missing = {d.subject: d.found for d in found if d.change is DifferenceKind.COLUMN_MISSING}
    assert missing == {"a": "d", "b": "c"}


def test_no_new_name_is_guessed_where_two_columns_could_be_meant() -> None:
    found = table_differences(
        {T: TableShape.parse("a text")}, {T: TableShape.parse("c text\nd text")}
    )

    assert [d.found for d in found if d.change is DifferenceKind.COLUMN_MISSING] == [""]


def test_a_table_is_taken_for_renamed_by_its_columns() -> None:
    shape = TableShape.parse("a text\nb date\nc uuid")
    near = TableShape.parse("a text\nb date")
    far = TableShape.parse("a text\nx date\ny uuid")

    assert likely_renames({T: shape}, {U: near}) == {T: U}
    assert likely_renames({T: shape}, {U: far}) == {}


def test_the_checks_of_a_domain_are_compared_only_where_they_are_told() -> None:
    live = DomainType("s.d", "text", checks=("CHECK (true)",))
    column = (ColumnShape("a", "s.d"),)

    def found(checks: tuple[str, ...] | None) -> bool:
        wanted = TableShape(column, types=(DomainType("s.d", "text", checks=checks),))
        there = TableShape((ColumnShape("a", "s.d", not_null=True),), types=(live,))
        return bool(list(table_differences({T: wanted}, {T: there})))

    # A domain that differs says by itself whether it takes NULL.
    assert not found(())
    assert found(None)


# -- the two schemas -----------------------------------------------------------------------------


def test_the_record_of_the_two_schemas_is_whole() -> None:
    shapes = [
        registration.shape
        for plugin in (collections_public, meta_public)
        for registration in plugin.REGISTRATIONS
    ]
    keys = [shape.keys for shape in shapes if shape and shape.keys]

    assert len(shapes) == len(keys) == 51
    assert sum(len(shape.columns) for shape in shapes if shape) == 458
    assert sum(bool(key.primary) for key in keys) == 51
    assert sum(len(key.unique) for key in keys) == 25
    assert sum(len(key.foreign) for key in keys) == 168
    assert all(len(reference.columns) == 1 for key in keys for reference in key.foreign)


@pytest.mark.parametrize(
    "said",
    [
        {"rows_of": {"notes.notes": AllRows()}},
        {"omit": {"notes.notes": ("id",)}},
        {"omit": {"notes.note": ("at",)}},
    ],
)
def test_what_is_said_of_a_table_must_be_about_a_recorded_one(
    tmp_path: Path, said: dict[str, dict[str, object]]
) -> None:
    file = tmp_path / "notes.lock.toml"
    file.write_text('[tables]\n"notes.note" = ["id uuid"]\n', encoding="utf-8")

    with pytest.raises(ValueError, match=r"notes\.note(s|\.at) is not recorded in "):
        declare(file, rows=AllRows(), **said)  # type: ignore[arg-type] # what a slip would give
