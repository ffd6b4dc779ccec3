"""Reads an artifact as if its tables were in other schemas, for a target that names them so.

Digests are checked under the names that the artifact has. Then every table, and every type that it
tells of, stands in the other schema: in the manifest, and where rows are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import attrs
from attrs import field, frozen

from replant.artifact.artifact import Artifact, open_artifact
from replant.artifact.manifest import DataFile, ExportedColumn, Manifest
from replant.errors import UsageError
from replant.model import (
    ColumnShape,
    CompositeType,
    DeferConstraints,
    DomainType,
    EnumType,
    RelationName,
)
from replant.model.names import did_you_mean
from replant.model.table_shape import quoted
from replant.sql.fingerprints import Block
from replant.sql.row_forms import Rows

#: The name that each schema has instead.
Schemas = Mapping[str, str]

#: Where a type is told of by its name.
_TYPES: Mapping[type, tuple[str, ...]] = {
    ExportedColumn: ("type",),
    ColumnShape: ("type",),
    EnumType: ("name",),
    DomainType: ("name", "base"),
    CompositeType: ("name",),
}
_SCHEMA_OF_TYPE = re.compile(r'("(?:[^"]|"")+"|[^".]+)(?=\.)')


@contextmanager
def open_in_schemas(path: str, schemas: Schemas) -> Iterator[Artifact]:
    """Open an artifact as if its tables were in other schemas; see `open_artifact`.

    Args:
        path: of the artifact.
        schemas: the name that each schema has instead; others keep theirs.

    Raises:
        ArtifactError: it cannot be read, is not an artifact, is truncated, or was changed.
        UsageError: it has no table in such a schema, or two tables would have one name.

    """
    with open_artifact(path) as artifact:
        yield InOtherSchemas(artifact, schemas) if schemas else artifact


@frozen
class InOtherSchemas:
    """An artifact whose tables are in other schemas."""

    artifact: Artifact
    schemas: Schemas
    manifest: Manifest = field(init=False)
    _names: Mapping[RelationName, RelationName] = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Rename the tables.

        Raises:
            UsageError: see `open_in_schemas`.

        """
        manifest = self.artifact.manifest
        names = {in_schema(table.name, self.schemas): table.name for table in manifest.tables}
        check_schemas(self.schemas, (table.name for table in manifest.tables))
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "manifest", _renamed(manifest, self.schemas))

    @property
    def origin(self) -> str:
        """The path of the artifact, for messages."""
        return self.artifact.origin

    @property
    def stored_separately(self) -> Mapping[RelationName, tuple[str, ...]]:
        """The columns that stand apart from their rows, by table."""
        separate = self.artifact.stored_separately
        return {in_schema(name, self.schemas): columns for name, columns in separate.items()}

    def rows(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows of one table, in the form that the manifest tells of."""
        return self.artifact.rows(self._names[table])

    def lines(self, table: RelationName) -> Iterator[Rows]:
        """Read what stands in the place of the rows."""
        return self.artifact.lines(self._names[table])

    def patches(self, table: RelationName) -> Iterator[Rows]:
        """Read the key and the columns that stand apart, of one table, as rows of an INSERT."""
        return self.artifact.patches(self._names[table])


def in_schema(name: RelationName, schemas: Schemas) -> RelationName:
    """Return the name that a table has instead."""
    return RelationName(schemas.get(name.schema, name.schema), name.name)


def swapped(schemas: Schemas) -> Schemas:
    """Return what names the schemas as they were.

    Raises:
        UsageError: two schemas have one name instead.

    """
    own = {new: old for old, new in schemas.items()}
    if len(own) < len(schemas):
        raise UsageError("--map-schema: two schemas would have one name, which leads back to both")
    return own


def check_schemas(schemas: Schemas, names: Iterable[RelationName]) -> None:
    """Refuse names of schemas that rename nothing, or let two tables have one name.

    Raises:
        UsageError: they do.

    """
    known: dict[RelationName, RelationName] = {}
    present = set()
    for name in names:
        present.add(name.schema)
        other = known.setdefault(in_schema(name, schemas), name)
        if other != name:
            raise UsageError(
                f"--map-schema: {other} and {name} would both be {in_schema(name, schemas)}"
            )
    for schema in schemas:
        if schema not in present:
            meant = did_you_mean(schema, sorted(present))
            raise UsageError(f"--map-schema: no table is in the schema {schema!r}{meant}")


def _renamed(manifest: Manifest, schemas: Schemas) -> Manifest:
    types = {t.name: _type_in_schema(t.name, schemas) for t in manifest.types}
    renamed = _walk(manifest, schemas, types)
    assert isinstance(renamed, Manifest)
    return renamed


def _walk(value: Any, schemas: Schemas, types: Mapping[str, str]) -> Any:
    """Return a value of the manifest with all that it is made of, under other names."""
    walk = partial(_walk, schemas=schemas, types=types)
    changed = value  # blocks and files are many, and name no table
    match value:
        case RelationName():
            changed = in_schema(value, schemas)
        case DeferConstraints(constraints):
            changed = DeferConstraints(tuple((schemas.get(s, s), name) for s, name in constraints))
        case tuple():
            changed = tuple(map(walk, value))
        case frozenset():
            changed = frozenset(map(walk, value))
        case Mapping():
            changed = {key: walk(item) for key, item in value.items()}
        case _ if attrs.has(type(value)) and not isinstance(value, Block | DataFile):
            changed = _walk_attributes(value, schemas, types)
    return changed


def _walk_attributes(value: Any, schemas: Schemas, types: Mapping[str, str]) -> Any:
    changed: dict[str, Any] = {}
    for attribute in attrs.fields(type(value)):
        held = getattr(value, attribute.name)
        if attribute.name in _TYPES.get(type(value), ()):
            changed[attribute.name] = _type_name(held, types)
        elif isinstance(value, CompositeType):
            changed[attribute.name] = tuple((n, _type_name(t, types)) for n, t in held)
        else:
            changed[attribute.name] = _walk(held, schemas, types)
    return attrs.evolve(value, **changed)


def _type_name(name: str, types: Mapping[str, str]) -> str:
    """Return the name of a type, or of an array of it."""
    element = name.removesuffix("[]")
    return types.get(element, element) + name[len(element) :]


def _type_in_schema(name: str, schemas: Schemas) -> str:
    match = _SCHEMA_OF_TYPE.match(name)
    if match is None:
        return name
    schema = RelationName.parse(name).schema
    return quoted(schemas[schema]) + name[match.end() :] if schema in schemas else name
