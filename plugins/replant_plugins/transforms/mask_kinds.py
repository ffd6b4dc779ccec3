"""Lists the kinds of masks: what each is called, which types it fits, and how it is made.

What needs no secret is computed by the source. What needs it is computed here, so that the secret
reaches no server and no log of one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import field, frozen

from replant.model import PythonFunction, SqlExpression, Text, Transform
from replant_plugins.transforms import mask_values
from replant_plugins.transforms.array_elements import changed_text
from replant_plugins.transforms.keyed_hash import KeyedHash
from replant_plugins.transforms.mask_fakes import FAKES, fake, lorem

KEEP = "keep"

#: Dates move with those of their owner, and not by their own value.
DATE = "date"

TEXTS = frozenset({"text", "character varying", "character", "bpchar", "citext"})
INTEGERS = frozenset({"smallint", "integer", "bigint"})
DATES = frozenset({"date", "timestamp without time zone", "timestamp with time zone"})


@frozen
class Masked:
    """Changes a value's text; equal to another that does the same, so that keys can be compared.

    Attributes:
        make: computes the mask of a value.
        key: computes the keyed hash.
        longest: the mask is cut to so many characters; None for any length.
        padded: the mask is filled with spaces to so many, as `character(n)` is.
        fold: whether equal values may differ in case, as those of `citext` do.
        in_array: whether the text is that of an array, of which each element is masked.

    """

    make: Callable[[str, KeyedHash], str]
    key: KeyedHash = field(repr=False)
    longest: int | None = None
    padded: int = 0
    fold: bool = False
    in_array: bool = False

    def __call__(self, text: Text) -> Text:
        """Return the mask; NULL stays NULL."""
        return changed_text(text, self._masked, in_array=self.in_array)

    def _masked(self, text: str) -> str:
        plain = text.rstrip(" ") if self.padded else text
        mask = self.make(plain.lower() if self.fold else plain, self.key)
        return mask[: self.longest].ljust(self.padded)


@frozen
class KeyedKind:
    """A kind of mask that is made by the keyed hash of a value.

    Attributes:
        make: computes the mask of a value by its key; of a date by how far it moves.
        types: the types that it masks, without modifier.
        shortest: a column with a shorter limit is refused.
        fits_keys: whether referencing and referenced columns can be masked by it.
        argument: what stands behind the colon, for messages; empty for nothing.

    """

    make: Callable[..., str]
    types: frozenset[str] = TEXTS
    shortest: int = 0
    fits_keys: bool = True
    argument: str = ""


KEYED = {
    "hash": KeyedKind(mask_values.hashed, shortest=mask_values.LONGEST_HASH),
    "email": KeyedKind(mask_values.email, shortest=mask_values.SHORTEST_EMAIL),
    "url": KeyedKind(mask_values.url, shortest=mask_values.SHORTEST_URL),
    "uuid": KeyedKind(mask_values.uuid, TEXTS | {"uuid"}, mask_values.LONGEST_UUID),
    "ip": KeyedKind(mask_values.ip, TEXTS | {"inet"}, mask_values.LONGEST_IP),
    "digits": KeyedKind(mask_values.digits),
    "phone": KeyedKind(mask_values.digits),
    "card": KeyedKind(mask_values.card),
    "iban": KeyedKind(mask_values.iban),
    DATE: KeyedKind(mask_values.shifted_date, DATES, fits_keys=False, argument="days"),
    "number": KeyedKind(
        mask_values.noisy_number, INTEGERS | {"numeric"}, fits_keys=False, argument="percent"
    ),
    "lorem": KeyedKind(lorem),
    **{name: KeyedKind(partial(fake, kind=name)) for name in FAKES},
}

#: Kinds of which the masks come from Faker, in a locale.
OF_FAKER = frozenset({"lorem", *FAKES})


def null() -> Transform:
    """Return NULL in place of every value."""
    return SqlExpression("NULL", "null")


def constant(value: str, type_: str) -> Transform:
    """Return one value in place of every one that is not NULL."""
    quoted = value.replace("'", "''")
    return SqlExpression(
        f"CASE WHEN pg_catalog.num_nulls(value) = 0 THEN CAST('{quoted}' AS {type_}) END",
        "constant",
    )


def keep_part(name: str, count: int, type_: str) -> Transform:
    """Keep so many characters, but never more than half of them; the others become asterisks."""
    kept = f"LEAST({count}, pg_catalog.length(value::text) / 2)"
    stars = f"pg_catalog.repeat('*', pg_catalog.length(value::text) - {kept})"
    parts = {
        "keep-first": f"pg_catalog.left(value::text, {kept}) || {stars}",
        "keep-last": f"{stars} || pg_catalog.right(value::text, {kept})",
    }
    # right(…, 0) is empty, as left(…, 0) is.
    # `character(n)` is padded by its own cast.
    return SqlExpression(f"CAST({parts[name]} AS {type_})", f"{name}:{count}")


def keyed(kind: str, masked: Masked) -> Transform:
    """Return a mask that is made here."""
    return PythonFunction(masked, kind)
