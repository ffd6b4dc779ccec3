"""Makes the masks of values inside `json` and `jsonb`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from attrs import evolve, frozen

from replant.errors import ConfigurationError
from replant.model import Column, PythonFunction, RelationName, Text, Transform, readable
from replant_plugins.transforms.array_elements import changed_text
from replant_plugins.transforms.json_edits import Edit, edited
from replant_plugins.transforms.json_paths import JsonPath
from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_choice import MaskChoice
from replant_plugins.transforms.mask_kinds import DATE, KEEP, KEYED
from replant_plugins.transforms.mask_making import making
from replant_plugins.transforms.mask_settings import PATH, MaskSettings, secret_of
from replant_plugins.transforms.mask_values import shift_of
from replant_plugins.transforms.plain_types import PlainType
from replant_plugins.transforms.row_owners import RowOwners
from replant_plugins.transforms.shifted_dates import ShiftedDate, value_and_owner, with_owner

JSON_TYPES = frozenset({"json", "jsonb"})


def json_mask(
    column: tuple[RelationName, Column, PlainType],
    paths: Mapping[JsonPath, MaskChoice],
    asked: MaskSettings,
    owners: RowOwners,
    *,
    is_key: bool,
) -> Transform:
    """Return the mask of values inside a column.

    Args:
        column: its table, the column, and the type below its domains.
        paths: the kind of mask of each path; of two that lead to a value the first counts.
        asked: the settings.
        owners: says whose dates a row has.
        is_key: whether it references another column, or another references it.

    Raises:
        ConfigurationError: the column has no such values, or is a key.

    """
    table, own, type_ = column
    why = ""
    if type_.name not in JSON_TYPES:
        why = f"it is of type {own.type}, and a path leads into json and jsonb"
    elif is_key:
        why = "it references other columns, or they reference it; a path cannot mask a key"
    if why:
        raise _refusal(column, next(iter(paths)), why)
    how = ", ".join(f"{path} {choice}" for path, choice in paths.items())
    edits = tuple(_edit(path, choice, asked) for path, choice in paths.items())
    dates = {choice.per for choice in paths.values() if choice.kind == DATE}
    if not dates:
        return PythonFunction(JsonMasked(edits, type_.in_array), how)
    if len(dates) > 1:
        raise _refusal(column, next(iter(paths)), "its dates must be shifted per the same columns")
    try:
        given = with_owner(owners.owner_of(table, *dates))
    except ValueError as error:
        raise _refusal(column, next(iter(paths)), str(error)) from error
    return PythonFunction(JsonWithDates(JsonMasked(edits, type_.in_array)), how, given)


def _refusal(
    column: tuple[RelationName, Column, PlainType], path: JsonPath, why: str
) -> ConfigurationError:
    table, own, _ = column
    return ConfigurationError(
        f"{PATH}: {table}.{readable(own.name)} cannot be masked by the path {path}: {why}"
    )


@frozen
class JsonMasked:
    """Masks values inside the text of a JSON value, or of each in an array of them."""

    edits: tuple[Edit, ...]
    in_array: bool = False

    def __call__(self, text: Text) -> Text:
        """Return the text with masks; NULL stays NULL."""
        return changed_text(text, self._masked, in_array=self.in_array)

    def _masked(self, text: str) -> str:
        return edited(text, self.edits)


@frozen
class JsonWithDates:
    """Masks a JSON value that comes with its owner, by whom its dates are shifted."""

    masked: JsonMasked

    def __call__(self, text: Text) -> Text:
        """Return the mask of what `with_owner` gives; NULL stays NULL."""
        if text is None:
            return None
        value, owner = value_and_owner(text)
        edits = tuple(
            evolve(edit, change=_MaskedScalar(edit.change.of(owner)))
            if isinstance(edit.change, _DatesPerOwner)
            else edit
            for edit in self.masked.edits
        )
        return evolve(self.masked, edits=edits)(value)


def _edit(path: JsonPath, choice: MaskChoice, asked: MaskSettings) -> Edit:
    if choice.kind == KEEP:
        return Edit(path)
    if choice.kind == "null":
        return Edit(path, whole="null")
    if choice.kind == "constant":
        return Edit(path, whole=_written(choice.value))
    if choice.kind not in KEYED:
        return Edit(path, _MaskedScalar(_KeptPart(choice.kind, choice.number)))
    key = KeyedHash(choice.kind, secret_of(asked))
    if choice.kind == DATE:
        return Edit(path, _DatesPerOwner(key, choice.number))
    made = _KeyedText(making(KEYED[choice.kind], choice, asked), key)
    return Edit(path, _MaskedScalar(made, stays_number=choice.kind == "number"))


@frozen
class _DatesPerOwner:
    """Makes the mask of dates, once their owner is known."""

    key: KeyedHash
    days: int

    def of(self, owner: str) -> ShiftedDate:
        return ShiftedDate(shift_of(owner, self.key, self.days))

    def __call__(self, _scalar: str) -> str:
        raise ValueError("whose date it is, is not known")


@frozen
class _MaskedScalar:
    """Masks a string, number or boolean of JSON.

    Attributes:
        make: computes the mask of a text.
        stays_number: whether the mask of a number is a number, and not a string.

    """

    make: Callable[[str], str]
    stays_number: bool = False

    def __call__(self, scalar: str) -> str:
        if scalar.startswith('"'):
            return _written(self.make(_sendable(json.loads(scalar))))
        made = self.make(scalar)
        return made if self.stays_number else _written(made)


@frozen
class _KeyedText:
    function: Callable[[str, KeyedHash], str]
    key: KeyedHash

    def __call__(self, text: str) -> str:
        return self.function(text, self.key)


@frozen
class _KeptPart:
    """Keeps so many characters, but never more than half of them; the others become asterisks."""

    kind: str
    count: int

    def __call__(self, text: str) -> str:
        kept = min(self.count, len(text) // 2)
        stars = "*" * (len(text) - kept)
        return text[:kept] + stars if self.kind == "keep-first" else stars + text[len(stars) :]


def _written(text: str) -> str:
    """Write a string of JSON as PostgreSQL does, with every character that needs no escape."""
    return json.dumps(text, ensure_ascii=False)


def _sendable(text: str) -> str:
    """Replace halves of surrogate pairs, which `json` may have as an escape, and no text has."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
