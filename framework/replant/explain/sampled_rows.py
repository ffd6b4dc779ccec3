"""Finds which rows of an artifact were in the sample of a reference, by the hash of their keys.

The hash is that of `replant.sql.row_hash`, which the source computed.
"""

from __future__ import annotations

import json
from hashlib import sha256

from attrs import frozen

from replant.artifact.manifest import ExportedReference, ExportedTable
from replant.model.samples import Sample
from replant.model.types import without_modifier

_NUMBERS = frozenset({"smallint", "integer", "bigint"})
_STRINGS = frozenset({"uuid", "text", "character varying", "character"})


@frozen
class SampledKeys:
    """Hashes the keys of rows that a reference's sample chose among.

    Attributes:
        sample: which of them it took.
        prefix: what is hashed before the key.
        numbers: of each column of the key, whether JSON writes it as a number.

    """

    sample: Sample
    prefix: str
    numbers: tuple[bool, ...]

    @classmethod
    def of(cls, table: ExportedTable, reference: ExportedReference) -> SampledKeys | None:
        """Return what hashes the keys of a table.

        None if there is no sample, or if the hash that the source computed is not known here: the
        key changed on its way, or its type is written in JSON in a way of its own.
        """
        if reference.sample is None or not table.key:
            return None
        columns = {column.name: column for column in table.columns}
        types = [without_modifier(columns[name].type) for name in table.key]
        changed = any(columns[name].changes for name in table.key)
        if changed or not {*types} <= _NUMBERS | _STRINGS:
            return None
        amount, seed = reference.sample
        prefix = f"{seed}:{table.name.name}"
        return cls(Sample(amount, seed), prefix, tuple(type_ in _NUMBERS for type_ in types))

    def hashed(self, *key: str) -> bytes:
        """Return the hash of a key."""
        texts = (
            text if is_number else json.dumps(text, ensure_ascii=False)
            for text, is_number in zip(key, self.numbers, strict=True)
        )
        return sha256(":".join((self.prefix, *texts)).encode()).digest()

    @property
    def bound(self) -> bytes:
        """The hash below which those of a share are."""
        assert self.sample.share is not None
        return int(self.sample.share * 2**64).to_bytes(8, "big")
