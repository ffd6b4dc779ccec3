"""Makes the masks of columns that hold the same values, or refuses them with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replant.errors import ConfigurationError
from replant.model import Column, PythonFunction, Table, Transform, readable
from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_choice import MaskChoice
from replant_plugins.transforms.mask_kinds import (
    DATE,
    KEYED,
    TEXTS,
    KeyedKind,
    Masked,
    constant,
    keep_part,
    keyed,
    null,
)
from replant_plugins.transforms.mask_making import making
from replant_plugins.transforms.mask_settings import PATH, MaskSettings, secret_of
from replant_plugins.transforms.plain_types import PlainType, plain_type
from replant_plugins.transforms.row_owners import RowOwners
from replant_plugins.transforms.shifted_dates import ShiftedDates, with_owner

Member = tuple[Table, Column]


def make_mask(
    members: Sequence[Member], choice: MaskChoice, asked: MaskSettings, owners: RowOwners
) -> list[Transform]:
    """Return the mask of each column; those of several columns map equal values alike.

    Args:
        members: the columns, with their tables.
        choice: the kind of mask.
        asked: the settings.
        owners: says whose dates a row has.

    Raises:
        ConfigurationError: a column cannot be masked so; it has each with the reason.

    """
    types = [plain_type(owners.catalog, column) for _, column in members]
    kind = KEYED.get(choice.kind)
    refusals = _refusals_of_key(kind, members, types) if kind else _refusals(members, types, choice)
    owned = [] if choice.kind != DATE else _refusals_of_owner(members, choice, owners)
    problems = [
        f"{PATH}: {table.name}.{readable(column.name)} cannot be masked as '{choice}': {why}"
        for (table, column), why in (*refusals, *owned)
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    if kind is None:
        return [_in_sql(choice, column) for _, column in members]
    if choice.kind == DATE:
        return [
            _dates(table, t, choice, asked, owners)
            for (table, _), t in zip(members, types, strict=True)
        ]
    return _keyed_masks(types, choice, kind, asked)


def _dates(
    table: Table, type_: PlainType, choice: MaskChoice, asked: MaskSettings, owners: RowOwners
) -> Transform:
    key = KeyedHash(choice.kind, secret_of(asked))
    owner = with_owner(owners.owner_of(table.name, choice.per))
    return PythonFunction(ShiftedDates(key, choice.number, type_.in_array), str(choice), owner)


def _refusals(
    members: Sequence[Member], types: Sequence[PlainType], choice: MaskChoice
) -> Iterator[tuple[Member, str]]:
    """Yield why kinds that are made in SQL do not fit."""
    for member, type_ in zip(members, types, strict=True):
        table, column = member
        if choice.kind == "null" and (column.not_null or column.name in table.primary_key):
            yield member, "it is NOT NULL"
        if choice.kind.startswith("keep-") and (type_.name not in TEXTS or type_.in_array):
            yield member, f"it is of type {column.type}, and only texts have characters"
        longest = None if type_.in_array else type_.length
        if choice.kind == "constant" and longest is not None and len(choice.value) > longest:
            yield member, f"it takes {longest} characters, and the constant has more"


def _refusals_of_key(
    kind: KeyedKind, members: Sequence[Member], types: Sequence[PlainType]
) -> Iterator[tuple[Member, str]]:
    """Yield why a kind that is made by the keyed hash does not fit."""
    padded = {type_.name == "character" for type_ in types}
    for member, type_ in zip(members, types, strict=True):
        column = member[1]
        if type_.name not in kind.types:
            yield (
                member,
                f"it is of type {column.type}; fitting are: {', '.join(sorted(kind.types))}",
            )
        elif type_.length is not None and type_.length < kind.shortest:
            yield member, f"it takes {type_.length} characters, and a mask has {kind.shortest}"
        elif len(members) > 1 and not kind.fits_keys:
            yield member, "it references other columns, or they reference it, and noise is no key"
        elif len(padded) > 1:
            yield member, "columns of type character and of another type reference each other"


def _refusals_of_owner(
    members: Sequence[Member], choice: MaskChoice, owners: RowOwners
) -> Iterator[tuple[Member, str]]:
    """Yield why it is not known whose dates a row has."""
    for table, column in members:
        try:
            owners.owner_of(table.name, choice.per)
        except ValueError as error:
            yield (table, column), str(error)


def _in_sql(choice: MaskChoice, column: Column) -> Transform:
    if choice.kind == "null":
        return null()
    if choice.kind == "constant":
        return constant(choice.value, column.type)
    return keep_part(choice.kind, choice.number, column.type)


def _keyed_masks(
    types: Sequence[PlainType], choice: MaskChoice, kind: KeyedKind, asked: MaskSettings
) -> list[Transform]:
    key = KeyedHash(choice.kind, secret_of(asked))
    longest = min((t.length for t in types if t.length is not None), default=None)
    fold = any(type_.name == "citext" for type_ in types)
    return [
        keyed(
            str(choice),
            Masked(
                making(kind, choice, asked),
                key,
                longest,
                (type_.length or 0) if type_.name == "character" else 0,
                fold,
                type_.in_array,
            ),
        )
        for type_ in types
    ]
