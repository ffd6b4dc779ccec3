"""What an artifact says of itself: enough to replay it, to verify it, and to know what it lacks.

It is JSON, written with one table per line. It is never trusted: a replay composes its own SQL
and refuses what does not fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Any

from attrs import frozen
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn
from cattrs.strategies import configure_tagged_union

from replant import __version__
from replant.errors import ArtifactError
from replant.model import (
    Check,
    ChosenRows,
    ColumnIs,
    Compression,
    KeyIsNot,
    Layout,
    LinkedTo,
    LoadOrder,
    LoadTable,
    LoadTogether,
    Omission,
    OnConflict,
    PatchColumns,
    Plan,
    PlannedColumn,
    PlannedTable,
    RelationName,
    Satisfies,
    SequencePosition,
)
from replant.model.load_order import Statement, Step
from replant.model.rows import Condition
from replant.rendering.closing import Ending

#: The version of the manifest; a reader refuses any other.
VERSION = 1


@frozen
class ExportedColumn:
    """A column of the artifact.

    Attributes:
        type: as the source's `format_type` wrote it.
        always_identity: whether it is an identity column that is GENERATED ALWAYS.
        equality: the schema of its `=` operator, where that is not `pg_catalog`.

    """

    name: str
    type: str
    always_identity: bool = False
    equality: str | None = None


@frozen
class DataFile:
    """A file of a directory: the rows of one table.

    Attributes:
        name: relative to the directory, with `/` between its parts.
        size: in bytes, as it lies on disk.
        sha256: of the bytes as they lie on disk, as 64 hexadecimal digits.

    """

    name: str
    size: int
    sha256: str


@frozen
class ExportedTable:
    """A table of the artifact.

    Attributes:
        columns: in the order in which a row's line holds them.
        key: the columns that identify a row, or none.
        rows: which rows of the source these are; None when the target cannot be asked for the
            same rows, since SQL or a transform of a chosen column was involved.
        only: whether inheritance children were kept out.
        on_conflict: what a replay does with a row that is there already.
        row_count: how many rows.
        fingerprint: the sum of the rows' hashes modulo 2**64, as 16 hexadecimal digits.
        file: where the rows are, in a directory.

    """

    name: RelationName
    columns: tuple[ExportedColumn, ...]
    key: tuple[str, ...]
    rows: tuple[Condition, ...] | None
    only: bool
    on_conflict: OnConflict
    row_count: int
    fingerprint: str
    file: DataFile | None = None

    @property
    def planned(self) -> PlannedTable:
        """The table as statements and queries are composed from it."""
        equality = {c.name: c.equality for c in self.columns if c.equality is not None}
        return PlannedTable(
            name=self.name,
            columns=tuple(
                PlannedColumn(column.name, column.type, always_identity=column.always_identity)
                for column in self.columns
            ),
            key=self.key,
            rows=ChosenRows(self.rows or (), self.only, equality),
            row_count=self.row_count,
            on_conflict=self.on_conflict,
        )


@frozen
class Manifest:
    """The whole of what an artifact says of itself.

    Attributes:
        version: of the manifest's own form.
        replant: the version that wrote it.
        postgresql: the source server's version.
        format: `insert` or `copy`.
        compression: of the data files of a directory.
        check: what a replay compares before it commits.
        seen_as: the role whose view of the rows this is, where policies may have hidden some.
        sequences: those that a replay moves forward.

    """

    version: int
    replant: str
    postgresql: str
    plugins: Mapping[str, str]
    scope: Mapping[str, str]
    layout: Layout
    format: str
    compression: Compression
    check: Check
    seen_as: str | None
    strategy: str
    order: LoadOrder
    sequences: tuple[SequencePosition, ...]
    omissions: tuple[Omission, ...]
    tables: tuple[ExportedTable, ...]

    @property
    def planned(self) -> dict[RelationName, PlannedTable]:
        """The tables by name, as statements and queries are composed from them."""
        return {table.name: table.planned for table in self.tables}

    @property
    def fingerprints(self) -> dict[RelationName, int]:
        """The sum of the rows' hashes modulo 2**64, by table."""
        return {table.name: int(table.fingerprint, 16) for table in self.tables}

    @property
    def row_count(self) -> int:
        """How many rows all tables have together."""
        return sum(table.row_count for table in self.tables)

    def ending(
        self, tables: Mapping[RelationName, PlannedTable], after: Sequence[Statement]
    ) -> Ending:
        """What the end of a replay into these tables needs to know."""
        return Ending(after, self.check, tables, self.fingerprints, self.sequences)


def manifest_of(
    plan: Plan,
    fingerprints: Mapping[RelationName, int],
    files: Mapping[RelationName, DataFile] | None = None,
) -> Manifest:
    """The manifest of a plan: of one that was carried out, or with no fingerprints yet."""
    askable = _askable(plan)
    return Manifest(
        version=VERSION,
        replant=__version__,
        postgresql=plan.source_version,
        plugins=plan.plugins,
        scope=plan.scope,
        layout=plan.layout,
        format=plan.format,
        compression=plan.compression,
        check=plan.check,
        seen_as=plan.seen_as,
        strategy=plan.strategy,
        order=plan.order,
        sequences=plan.sequences,
        omissions=plan.omissions,
        tables=tuple(
            ExportedTable(
                name=table.name,
                columns=tuple(
                    ExportedColumn(
                        c.name, c.type, c.always_identity, table.rows.equality.get(c.name)
                    )
                    for c in table.columns
                ),
                key=table.key,
                rows=_conditions(table) if table.name in askable else None,
                only=table.rows.only,
                on_conflict=table.on_conflict,
                row_count=table.row_count,
                fingerprint=f"{fingerprints.get(table.name, 0) % 2**64:016x}",
                file=None if files is None else files[table.name],
            )
            for table in plan.tables
        ),
    )


def to_json(manifest: Manifest) -> str:
    """JSON in ASCII, one table per line; the same manifest gives the same text."""
    raw: dict[str, Any] = _CONVERTER.unstructure(manifest)
    tables = raw.pop("tables")
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in raw.items()]
    listed = ",\n".join(f"    {json.dumps(table)}" for table in tables)
    return "{\n" + ",\n".join(lines) + ',\n  "tables": [\n' + listed + "\n  ]\n}"


_SEAL_LENGTH = len(',\n  "digest": ""\n}\n') + 64
_SEAL = re.compile(rb',\n  "digest": "([0-9a-f]{64})"\n}\n')


def sealed(manifest: Manifest) -> tuple[bytes, str]:
    """The manifest of a directory as it lies on disk, and the digest in its last line.

    The digest is the SHA-256 of all that stands before that line, which holds the SHA-256 of every
    file: it is one digest over the whole artifact.
    """
    body = to_json(manifest).removesuffix("\n}").encode()
    digest = sha256(body).hexdigest()
    return body + f',\n  "digest": "{digest}"\n}}\n'.encode(), digest


def unsealed(data: bytes, origin: str) -> Manifest:
    """Read a manifest whose digest is right; `origin` names it in errors.

    Raises:
        ArtifactError: it was changed, is truncated, or is no manifest.

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


def from_json(text: str, origin: str) -> Manifest:
    """Read a manifest; `origin` names the artifact in errors.

    Raises:
        ArtifactError: it is no manifest, or one of a version that this replant does not know.

    """
    try:
        raw = json.loads(text)
        if raw["version"] == VERSION:
            return _consistent(_CONVERTER.structure(raw, Manifest))
    except Exception as error:
        raise ArtifactError(
            f"{origin}: its manifest cannot be read ({type(error).__name__}); export it again"
        ) from error
    raise ArtifactError(
        f"{origin}: its manifest has version {raw['version']!r}, "
        f"and replant {__version__} reads version {VERSION}; use the replant that wrote it"
    )


def _consistent(manifest: Manifest) -> Manifest:
    """The manifest, if what it says of its tables fits together.

    Raises:
        ValueError: it does not, so replant did not write it.

    """
    tables = manifest.planned
    loaded = [name for step in manifest.order.steps for name in _loaded(step)]
    if sorted(loaded) != sorted(table.name for table in manifest.tables):
        raise ValueError("its load order is not that of its tables")
    for table in tables.values():
        names = set(table.column_names)
        if len(names) != len(table.columns) or not names.issuperset(table.key):
            raise ValueError("the columns of a table do not fit")
        if any(isinstance(condition, Satisfies) for condition in table.rows.conditions):
            raise TypeError("SQL of an artifact is never run")
        if table.row_count < 0 or (table.on_conflict is OnConflict.UPDATE and not table.key):
            raise ValueError("the rows of a table do not fit")
    # Rows that are chosen by each other's would be asked for without end.
    TopologicalSorter({name: _links(table, tables) for name, table in tables.items()}).prepare()
    for position in manifest.sequences:
        if position.column not in tables[position.table].column_names:
            raise ValueError("a sequence is of no column")
    for step in manifest.order.steps:
        if isinstance(step, PatchColumns):
            _check_patch(tables[step.table], step)
    manifest.fingerprints  # noqa: B018 - reads every fingerprint as a number
    return manifest


def _links(table: PlannedTable, tables: Mapping[RelationName, PlannedTable]) -> list[RelationName]:
    """The tables by whose rows those of the table are chosen; all must be there."""
    others = [
        link.other
        for condition in table.rows.conditions
        if isinstance(condition, LinkedTo)
        for link in condition.links
    ]
    return [tables[name].name for name in others]


def _check_patch(table: PlannedTable, step: PatchColumns) -> None:
    if not table.key or not set(table.column_names).issuperset(step.columns):
        raise ValueError("the columns of a step do not fit")


def _loaded(step: Step) -> tuple[RelationName, ...]:
    match step:
        case LoadTable(name):
            return (name,)
        case LoadTogether(names):
            return names
        case PatchColumns():
            return ()


def _askable(plan: Plan) -> frozenset[RelationName]:
    """The tables whose rows the target can be asked for by conditions alone."""
    blocked = {
        table.name
        for table in plan.tables
        if any(isinstance(condition, Satisfies) for condition in table.rows.conditions)
        or _transformed(table) & _condition_columns(plan, table.name)
    }
    while True:
        more = {
            table.name
            for table in plan.tables
            if table.name not in blocked
            and any(
                link.other in blocked
                for condition in table.rows.conditions
                if isinstance(condition, LinkedTo)
                for link in condition.links
            )
        }
        if not more:
            return frozenset(table.name for table in plan.tables) - blocked
        blocked |= more


def _transformed(table: PlannedTable) -> set[str]:
    return {column.name for column in table.columns if column.transforms}


def _condition_columns(plan: Plan, name: RelationName) -> set[str]:
    """The columns of a table by which conditions, its own or other tables', choose rows."""
    found: set[str] = set()
    for table in plan.tables:
        for condition in table.rows.conditions:
            if isinstance(condition, ColumnIs) and table.name == name:
                found.add(condition.column)
            if isinstance(condition, LinkedTo):
                for link in condition.links:
                    found.update(link.columns if table.name == name else ())
                    found.update(link.other_columns if link.other == name else ())
    return found


def _conditions(table: PlannedTable) -> tuple[Condition, ...]:
    """The conditions for the target, where rows that were left out are not there to be found."""
    return tuple(c for c in table.rows.conditions if not isinstance(c, KeyIsNot))


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(RelationName, lambda name: [name.schema, name.name])
    converter.register_structure_hook(RelationName, lambda pair, _: RelationName(*map(str, pair)))
    for union in (Step, Statement, Condition):
        configure_tagged_union(union, converter, tag_name="is")
    for kind in (ExportedColumn, ExportedTable):
        plain = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        converter.register_unstructure_hook(kind, plain)
    return converter


_CONVERTER = _converter()
