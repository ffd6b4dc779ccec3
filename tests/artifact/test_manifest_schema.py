"""The JSON schema of the manifest says what the classes say, and explains all of it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args, get_type_hints

import attrs
import pytest
from jsonschema import Draft202012Validator

from replant.artifact.manifest import (
    VERSION,
    DataFile,
    ExportedColumn,
    ExportedReference,
    ExportedTable,
    Manifest,
)
from replant.artifact.manifest_json import SAID_BY_A_DATABASE
from replant.model import (
    AsReplica,
    CheckForeignKeys,
    ColumnIs,
    CompositeType,
    Cycle,
    DeferConstraints,
    DomainType,
    EnumType,
    ForeignKey,
    Link,
    LinkedTo,
    LoadOrder,
    LoadTable,
    LoadTogether,
    Omission,
    PatchColumns,
    RelationName,
    SequencePosition,
    TableShape,
)
from replant.model.closure_origin import RootRows
from replant.model.match import Match
from replant.sql.fingerprints import Block
from tests.support.manifest_schema import SCHEMA

#: Where the schema has each class that a manifest is made of.
PLACES = {
    ExportedTable: "table",
    ExportedColumn: "column",
    DataFile: "file",
    Match: "match",
    ColumnIs: "column_is",
    LinkedTo: "linked_to",
    Link: "link",
    LoadOrder: "order",
    LoadTable: "load_table",
    LoadTogether: "load_together",
    PatchColumns: "patch_columns",
    ForeignKey: "foreign_key",
    DeferConstraints: "defer_constraints",
    AsReplica: "as_replica",
    CheckForeignKeys: "check_foreign_keys",
    Cycle: "cycle",
    SequencePosition: "sequence",
    Omission: "omission",
    ExportedReference: "reference",
    RootRows: "root",
    EnumType: "enum_type",
    DomainType: "domain_type",
    CompositeType: "composite_type",
}
#: The classes that are written as texts or lists.
TEXTS = (RelationName, TableShape, Block)
#: What of a manifest is not a field of its class: one of several classes is named, and sealed.
OWN_TO_JSON = {"is", "digest"}
#: The classes that leave out a field which has its default.
SHORT = (Manifest, Match, ExportedTable, ExportedColumn, LoadTogether, ExportedReference, RootRows)
#: The fields that are not written, by class.
UNWRITTEN: dict[type, set[str]] = {ForeignKey: {*SAID_BY_A_DATABASE}}

CLASSES = pytest.mark.parametrize("kind", [Manifest, *PLACES], ids=lambda kind: kind.__name__)


def schema_of(kind: type) -> dict[str, Any]:
    place: dict[str, Any] = SCHEMA if kind is Manifest else SCHEMA["$defs"][PLACES[kind]]
    return place


def parts(hint: Any) -> Iterator[Any]:
    """A type, and all that it is made of."""
    yield hint
    for argument in get_args(hint):
        yield from parts(argument)


def written_fields(kind: type) -> list[attrs.Attribute[Any]]:
    return [field for field in attrs.fields(kind) if field.name not in UNWRITTEN.get(kind, ())]


def reached(kind: type) -> set[type]:
    """The classes of which a value of this class is made, itself among them."""
    found = {kind}
    hints = get_type_hints(kind)
    for attribute in written_fields(kind):
        for part in parts(hints[attribute.name]):
            if attrs.has(part) and part not in TEXTS:
                found |= reached(part)
    return found


def test_the_schema_is_one_of_its_draft() -> None:
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_is_that_of_the_version_that_is_written() -> None:
    assert SCHEMA["properties"]["version"]["const"] == VERSION


def test_the_schema_has_every_class_of_a_manifest_and_no_other() -> None:
    assert reached(Manifest) == {Manifest, *PLACES}


@CLASSES
def test_a_class_has_its_fields_in_the_schema_and_no_other(kind: type) -> None:
    fields = {attribute.name for attribute in written_fields(kind)}

    assert schema_of(kind)["properties"].keys() - OWN_TO_JSON == fields
    assert schema_of(kind)["additionalProperties"] is False


@CLASSES
def test_a_field_that_is_always_written_is_required(kind: type) -> None:
    written = {
        attribute.name
        for attribute in written_fields(kind)
        if kind not in SHORT or attribute.default is attrs.NOTHING
    }

    assert set(schema_of(kind)["required"]) - OWN_TO_JSON == written


@CLASSES
def test_a_choice_has_all_its_values_in_the_schema(kind: type) -> None:
    for name, hint in get_type_hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, Enum):
            assert schema_of(kind)["properties"][name]["enum"] == [one.value for one in hint]


@pytest.mark.parametrize("place", ["", *SCHEMA["$defs"]])
def test_everything_is_explained(place: str) -> None:
    part = SCHEMA["$defs"][place] if place else SCHEMA

    assert part["description"].endswith(".")
    for name, field in part.get("properties", {}).items():
        assert field.get("description", "").endswith("."), name
