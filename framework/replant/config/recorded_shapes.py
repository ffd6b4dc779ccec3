"""Reads and writes `replant.lock.toml`, in which the shapes of tables are recorded.

It is made to be reviewed: a fact on each line, always in the same order.

    left_out = ["public.audit"]

    [tables]
    "public.customer" = [
        "id bigint not null",
        "mood public.mood",
        "primary key (id)",
    ]

    [types."public.mood"]
    enum = ["sad", "ok"]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import evolve, field, frozen

from replant.config import toml_text
from replant.config.toml_tables import parsed, structured
from replant.errors import ConfigurationError
from replant.model import CompositeType, DefinedType, DomainType, EnumType, RelationName
from replant.model.checked import checked
from replant.model.table_shape import TableShape, quoted

_HEAD = (
    "The shape of the tables that replant exports, as `replant drift --write` found it. Later runs "
    "of `replant drift` compare the database with it. Review changes of this file as you do those "
    "of code."
)


@frozen(field_transformer=checked)
class Recorded:
    """What tables looked like.

    Attributes:
        tables: their shapes, by name.
        left_out: tables of the same schemas that are not exported, and are known not to be.

    """

    tables: Mapping[RelationName, TableShape] = field(factory=dict)
    left_out: frozenset[RelationName] = frozenset()


@frozen
class _Type:
    """`[types.NAME]`: an enum, a domain, or a composite type."""

    enum: tuple[str, ...] | None = None
    domain: str | None = None
    not_null: bool = False
    checks: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = None


@frozen
class _RecordedDocument:
    tables: dict[str, tuple[str, ...]] = field(factory=dict)
    left_out: tuple[str, ...] = ()
    types: dict[str, _Type] = field(factory=dict)


def read_recorded(file: Path | Traversable) -> Recorded:
    """Read the tables that a `replant.lock.toml` records.

    Raises:
        ConfigurationError: it cannot be read, or says something that has another form.

    """
    document = structured(parsed(file), _RecordedDocument, str(file))
    problems: list[str] = []
    types = dict(_types(document, f"{file}: types", problems))
    tables = dict(_tables(document, types, f"{file}: tables", problems))
    left_out = {_relation(name, f"{file}: left_out", problems) for name in document.left_out}
    if problems:
        raise ConfigurationError("\n".join(problems))
    return Recorded(tables, frozenset(name for name in left_out if name is not None))


def recorded_text(recorded: Recorded) -> str:
    """Write the file's text; the same shapes always give the same text."""
    types = {type_.name: type_ for shape in recorded.tables.values() for type_ in shape.types}
    lines = toml_text.comment(_HEAD)
    if recorded.left_out:
        lines += ["", f"left_out = {_array(map(_name, sorted(recorded.left_out)))}"]
    lines += ["", "[tables]"]
    for name in sorted(recorded.tables):
        lines.append(f"{toml_text.key(_name(name))} = {_array(recorded.tables[name].lines)}")
    for type_name in sorted(types):
        lines += ["", f"[types.{toml_text.key(type_name)}]", *_type_lines(types[type_name])]
    return "\n".join(lines) + "\n"


def _name(name: RelationName) -> str:
    return f"{quoted(name.schema)}.{quoted(name.name)}"


def _array(items: Iterable[str]) -> str:
    return "\n".join(["[", *(f"    {toml_text.string(item)}," for item in items), "]"])


def _type_lines(type_: DefinedType) -> Iterator[str]:
    match type_:
        case EnumType(labels=labels):
            yield f"enum = {_array(labels)}"
        case CompositeType(attributes=attributes):
            yield f"attributes = {_array(f'{quoted(name)} {kind}' for name, kind in attributes)}"
        case DomainType(base=base, not_null=not_null, checks=checks):
            yield f"domain = {toml_text.string(base)}"
            if not_null:
                yield "not_null = true"
            if checks is not None:
                yield f"checks = {_array(checks) if checks else '[]'}"


def _types(
    document: _RecordedDocument, path: str, problems: list[str]
) -> Iterator[tuple[str, DefinedType]]:
    for name, said in document.types.items():
        given = [part for part in (said.enum, said.domain, said.attributes) if part is not None]
        if len(given) != 1:
            problems.append(f"{path}.{name}: give one of enum, domain and attributes")
        elif said.enum is not None:
            yield name, EnumType(name, said.enum)
        elif said.domain is not None:
            yield name, DomainType(name, said.domain, said.not_null, said.checks)
        else:
            shape = _shape(said.attributes or (), f"{path}.{name}", problems)
            yield name, CompositeType(name, tuple((c.name, c.type) for c in shape.columns))


def _tables(
    document: _RecordedDocument, types: Mapping[str, DefinedType], path: str, problems: list[str]
) -> Iterator[tuple[RelationName, TableShape]]:
    for text, lines in document.tables.items():
        name = _relation(text, path, problems)
        shape = _shape(lines, f"{path}.{text}", problems)
        if name is not None:
            yield name, evolve(shape, types=tuple(_used(shape, types)))


def _used(shape: TableShape, types: Mapping[str, DefinedType]) -> Iterator[DefinedType]:
    """Return the types that columns use directly, in an array, or below another type."""
    pending = [column.type for column in shape.columns]
    seen: dict[str, DefinedType] = {}
    while pending:
        name = pending.pop().removesuffix("[]")
        if name not in types or name in seen:
            continue
        seen[name] = type_ = types[name]
        match type_:
            case DomainType(base=base):
                pending.append(base)
            case CompositeType(attributes=attributes):
                pending += [kind for _, kind in attributes]
            case EnumType():
                pass
    return (seen[name] for name in sorted(seen))


def _shape(lines: tuple[str, ...], path: str, problems: list[str]) -> TableShape:
    try:
        return TableShape.parse(lines)
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return TableShape(())


def _relation(text: str, path: str, problems: list[str]) -> RelationName | None:
    try:
        return RelationName.parse(text)
    except ValueError as error:
        problems.append(f"{path}: {error}")
        return None
