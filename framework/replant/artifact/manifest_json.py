"""Converts a manifest to JSON and back: ASCII, one table per line, with a digest in a directory.

Reading is strict: only the very text that would be written for what was read is a manifest.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import zip_longest
from typing import Any

from attrs import evolve
from cattrs import BaseValidationError, Converter, transform_error
from cattrs.gen import make_dict_unstructure_fn, override
from cattrs.strategies import configure_tagged_union

from replant import __version__
from replant.artifact.manifest import (
    VERSION,
    AskedCondition,
    ExportedColumn,
    ExportedReference,
    ExportedTable,
    Manifest,
)
from replant.artifact.manifest_checks import check_consistent
from replant.errors import ArtifactError
from replant.model import DefinedType, ForeignKey, LoadTogether, RelationName, TableShape
from replant.model.closure_origin import RootRows
from replant.model.load_order import Statement, Step
from replant.model.match import Match
from replant.sql.fingerprints import Block

#: What has a line for each of its items.
_LISTED = ("tables", "references", "roots", "types")

#: A sum of hashes modulo 2**64.
_HASH = re.compile(r"[0-9a-f]{16}")

#: What an artifact does not say of a foreign key.
SAID_BY_A_DATABASE = ("comparisons", "period", "partition", "referenced_partition")

_SEAL_LENGTH = len(',\n  "digest": ""\n}\n') + 64
_SEAL = re.compile(rb',\n  "digest": "([0-9a-f]{64})"\n}\n')


def to_json(manifest: Manifest) -> str:
    """Write JSON in ASCII, one table per line; the same manifest always gives the same text."""
    raw = _CONVERTER.unstructure(evolve(manifest, tables=()))
    # One by one: taken apart all at once, thousands of tables take as much memory again.
    return laid_out({**raw, "tables": map(_CONVERTER.unstructure, manifest.tables)})


def laid_out(raw: Mapping[str, Any]) -> str:
    """Lay out a manifest in JSON's own types as text; lists of many items may be iterators."""
    lines = [f"  {json.dumps(key)}: {_value(key, value)}" for key, value in raw.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _value(key: str, value: Any) -> str:
    if key not in _LISTED:
        return json.dumps(value)
    listed = ",\n".join(f"    {json.dumps(item)}" for item in value)
    return f"[\n{listed}\n  ]"


def from_json(text: str, origin: str) -> Manifest:
    """Read a manifest; `origin` names the artifact in errors.

    Raises:
        ArtifactError: it is not a manifest, or one of a version that this replant does not know.

    """
    try:
        version, manifest = _structured(text)
    except Exception as error:
        raise ArtifactError(
            f"{origin}: its manifest cannot be read ({_reason(error)}); export it again"
        ) from error
    if manifest is None:
        raise ArtifactError(
            f"{origin}: its manifest has version {json.dumps(version)[:20]}, and replant "
            f"{__version__} reads version {VERSION}; use the replant that wrote it"
        )
    _check_text(text, to_json(manifest), origin)
    try:
        check_consistent(manifest)
    except ValueError as error:
        raise ArtifactError(f"{origin}: in its manifest, {error}; export it again") from error
    return manifest


def _structured(text: str) -> tuple[object, Manifest | None]:
    """Return the version of a manifest, and what it says if that version is known."""
    raw = json.loads(text)
    version = raw["version"]
    if version != VERSION:
        return version, None
    if isinstance(raw.get("tables"), list):
        raw["tables"] = _taken(raw["tables"])
    return version, _CONVERTER.structure(raw, Manifest)


def _taken(items: list[Any]) -> Iterator[Any]:
    """Yield items, and keep none: what JSON makes of them takes as much memory again."""
    items.reverse()
    while items:
        yield items.pop()


def sealed(manifest: Manifest) -> tuple[bytes, str]:
    """Write a directory's manifest as it lies on disk; return it with the digest of its last line.

    The digest is the SHA-256 of all that stands before that line, which holds the SHA-256 of every
    file: it is one digest over the whole artifact.
    """
    return sealed_text(to_json(manifest))


def sealed_text(text: str) -> tuple[bytes, str]:
    """Append the digest to a manifest's JSON as its last line; return the text and the digest."""
    body = text.removesuffix("\n}").encode()
    digest = sha256(body).hexdigest()
    return body + f',\n  "digest": "{digest}"\n}}\n'.encode(), digest


def unsealed(data: bytes, origin: str) -> Manifest:
    """Read a manifest whose digest is right; `origin` names it in errors.

    Raises:
        ArtifactError: it was changed, is truncated, or is not a manifest.

    """
    seal = _SEAL.search(data, max(0, len(data) - _SEAL_LENGTH))
    if seal is None or seal.end() != len(data):
        raise ArtifactError(f"{origin}: is truncated or no manifest; export it again")
    body = data[: seal.start()]
    if sha256(body).hexdigest().encode() != seal[1]:
        raise ArtifactError(
            f"{origin}: was changed since it was written: its SHA-256 differs; export it again"
        )
    return from_json(body.decode("ascii", "replace") + "\n}", origin)


def _check_text(text: str, written: str, origin: str) -> None:
    """Refuse what was read as something else than it says: `"1"` as a number, a key twice."""
    if text == written:
        return
    pairs = zip_longest(text.split("\n"), written.split("\n"))
    for number, (found, wanted) in enumerate(pairs, start=1):
        if found != wanted:
            raise ArtifactError(
                f"{origin}: line {number} of its manifest is not as replant writes it; "
                f"export it again"
            )


def _reason(error: Exception) -> str:
    """Return what is wrong and where, as far as it is known."""
    if isinstance(error, BaseValidationError):
        return transform_error(error, path="manifest")[0]
    return type(error).__name__


def _text(value: object, _: object) -> str:
    """Check that PostgreSQL can store the text; keep equal texts once, such as names of types.

    Raises:
        ValueError: it is something else.

    """
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("is not text")
    value.encode()  # a surrogate on its own is not text either
    return sys.intern(value)


def _block(key: tuple[str, ...], row_count: int, fingerprint: str) -> Block:
    if not _HASH.fullmatch(fingerprint):
        raise ValueError("is not a fingerprint")
    return Block(key, row_count, int(fingerprint, 16))


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _text)
    converter.register_unstructure_hook(RelationName, lambda name: [name.schema, name.name])
    converter.register_structure_hook(
        RelationName, lambda pair, _: RelationName(*converter.structure(pair, tuple[str, str]))
    )
    converter.register_unstructure_hook(TableShape, lambda shape: list(shape.lines))
    converter.register_structure_hook(
        TableShape,
        lambda lines, _: TableShape.parse(converter.structure(lines, tuple[str, ...])),
    )
    converter.register_unstructure_hook(
        Block, lambda block: [list(block.key), block.row_count, f"{block.fingerprint:016x}"]
    )
    converter.register_structure_hook(
        Block, lambda raw, _: _block(*converter.structure(raw, tuple[tuple[str, ...], int, str]))
    )
    together = make_dict_unstructure_fn(LoadTogether, converter, _cattrs_omit_if_default=True)
    converter.register_unstructure_hook(LoadTogether, together)
    # How a key is followed is for each database to say.
    left_out = {name: override(omit=True) for name in SAID_BY_A_DATABASE}
    ends = make_dict_unstructure_fn(ForeignKey, converter, **left_out)  # type: ignore[arg-type]
    converter.register_unstructure_hook(ForeignKey, ends)
    for union in (Step, Statement, AskedCondition, DefinedType):
        configure_tagged_union(union, converter, tag_name="is")
    for kind in (ExportedColumn, ExportedReference, ExportedTable, Match, RootRows, Manifest):
        plain = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        converter.register_unstructure_hook(kind, plain)
    return converter


_CONVERTER = _converter()
