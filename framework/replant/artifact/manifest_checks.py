"""Checks that the parts of a manifest agree, as queries are composed from it, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from replant.artifact.manifest import ExportedReference, ExportedTable, Manifest
from replant.artifact.manifest_of_plan import row_forms
from replant.model import (
    COPY,
    INSERT,
    Compression,
    Layout,
    LinkedTo,
    LoadOrder,
    PatchColumns,
    RelationName,
    SequencePosition,
    readable,
    step_tables,
)
from replant.model.closure_origin import RootRows
from replant.model.ownership import Ownership
from replant.model.samples import Sample
from replant.plugins.load_order_checks import check_order
from replant.sql.fingerprints import MOST_IN_BLOCK
from replant.sql.row_text import ordered_alike

_FINGERPRINT = re.compile(r"[0-9a-f]{16}")
_FILE = re.compile(r"data/[a-z0-9_.]+\.copy(?:\.gz|\.zst)?")
_SHA256 = re.compile(r"[0-9a-f]{64}")

#: PostgreSQL's bigint, which also holds every size of a file.
_LEAST, _GREATEST = -(2**63), 2**63 - 1

#: Conditions that choose rows by each other's become queries in queries. No server plans so many
#: of them, or so deep ones, in any useful time; the artifact of an export has far fewer.
_MOST_QUERIES, _DEEPEST = 10_000, 100


def check_consistent(manifest: Manifest) -> None:
    """Refuse a manifest that contradicts itself, or names what it does not have.

    Raises:
        ValueError: it does, so replant did not write it; the text is a clause that says why.

    """
    _check_form(manifest)
    tables: dict[RelationName, ExportedTable] = {}
    for table in manifest.tables:
        if table.name in tables:
            raise ValueError(f"the table {table.name} stands twice")
        tables[table.name] = table
        _check_table(table)
    _check_links(tables)
    _check_order(manifest.order, tables)
    _check_row_forms(manifest)
    _check_step_offsets(manifest, tables)
    for position in manifest.sequences:
        _check_sequence(position, tables)
    for reference in manifest.references:
        _check_reference(reference, tables)
    for root in manifest.roots:
        _check_root(root, tables)
    if _repeated(type_.name for type_ in manifest.types):
        raise ValueError("a type stands twice")


def _check_form(manifest: Manifest) -> None:
    """Check that a file has its rows in statements, and a directory in data files."""
    if manifest.layout is Layout.DIRECTORY:
        fits = manifest.format == COPY
    else:
        fits = manifest.format in {INSERT, COPY} and manifest.compression is Compression.NONE
    if not fits:
        raise ValueError("layout, format and compression do not go together")
    apart = manifest.layout is Layout.DIRECTORY
    wrong = [table.name for table in manifest.tables if (table.file is not None) != apart]
    if wrong:
        raise ValueError(f"{wrong[0]} has {'no' if apart else 'a'} data file")


def _check_table(table: ExportedTable) -> None:
    columns = _columns(table)
    if _repeated(column.name for column in table.columns):
        raise ValueError(f"a column of {table.name} stands twice")
    if _repeated(table.key) or not columns.issuperset(table.key):
        raise ValueError(f"the key of {table.name} is not made of its columns")
    if table.on_conflict.needs_key and not table.key:
        raise ValueError(f"rows of {table.name} should be found by a key, and there is none")
    if not 0 <= table.row_count <= _GREATEST:
        raise ValueError(f"{table.name} has an impossible number of rows")
    if not _FINGERPRINT.fullmatch(table.fingerprint):
        raise ValueError(f"the fingerprint of {table.name} is not 16 hexadecimal digits")
    if table.match is not None and not columns.issuperset(table.match.columns):
        raise ValueError(f"rows of {table.name} should be met by columns that it does not have")
    _check_shape(table)
    _check_blocks(table)
    _check_shared(table)
    file = table.file
    if file is not None and not (0 <= file.size <= _GREATEST and _SHA256.fullmatch(file.sha256)):
        raise ValueError(f"the size or SHA-256 of the file of {table.name} is none")
    if file is not None and not _FILE.fullmatch(file.name):
        raise ValueError(f"the file of {table.name} is not its own")


def _check_shared(table: ExportedTable) -> None:
    """Check that the runs of shared rows lie apart, in order, among the rows."""
    place = -1
    for first, number in table.shared:
        if first <= place or number < 1 or first + number > table.row_count:
            raise ValueError(f"the shared rows of {table.name} are not among its rows, in order")
        place = first + number
    if table.shared and table.ownership is not Ownership.EACH:
        raise ValueError(f"the rows of {table.name} are all {table.ownership.value}")


def _check_blocks(table: ExportedTable) -> None:
    """Check that the blocks are all of the rows, and that each begins with a row of its own."""
    blocks = table.blocks
    if not 1 <= table.rows_per_block <= MOST_IN_BLOCK:
        raise ValueError(f"blocks of {table.name} have an impossible number of rows")
    in_blocks = table.rows_per_block > 1
    if in_blocks and not (table.ordered and table.key and ordered_alike(table.planned)):
        raise ValueError(f"the rows of {table.name} are in no order that every database has")
    if not blocks:
        return
    if not in_blocks:
        raise ValueError(f"the rows of {table.name} have blocks, and each is hashed by itself")
    keys = {block.key for block in blocks}
    if (
        len(blocks) == 1
        or len(keys) < len(blocks)
        or {len(key) for key in keys} != {len(table.key)}
    ):
        raise ValueError(f"the blocks of {table.name} do not begin with a key each")
    count = sum(block.row_count for block in blocks)
    total = sum(block.fingerprint for block in blocks) % 2**64
    sizes = {block.row_count for block in blocks[:-1]}
    if sizes != {table.rows_per_block} or blocks[-1].row_count < 1 or count != table.row_count:
        raise ValueError(f"the blocks of {table.name} are not all of its rows")
    if total != int(table.fingerprint, 16):
        raise ValueError(f"the fingerprints of the blocks of {table.name} are not that of all rows")


def _check_row_forms(manifest: Manifest) -> None:
    planned = manifest.planned
    forms = row_forms(manifest.layout, manifest.format, manifest.order, planned)
    for table in manifest.tables:
        if table.form != forms[table.name].name:
            raise ValueError(f"the rows of {table.name} have another form in such an artifact")


def _check_step_offsets(manifest: Manifest, tables: Mapping[RelationName, ExportedTable]) -> None:
    """Check that the steps with rows, and no others, begin somewhere in the file, in order."""
    offsets = manifest.step_offsets
    if manifest.layout is Layout.DIRECTORY:
        if offsets:
            raise ValueError("steps of a directory do not begin anywhere")
        return
    steps = manifest.order.steps
    filled = [any(tables[name].row_count for name in step_tables(step)) for step in steps]
    if [offset is not None for offset in offsets] != filled:
        raise ValueError("it is not told where each step begins")
    given = [offset for offset in offsets if offset is not None]
    if given != sorted(set(given)) or (given and not 0 <= given[0] <= given[-1] <= _GREATEST):
        raise ValueError("the steps do not begin one after the other")


def _check_shape(table: ExportedTable) -> None:
    """Check that the exported columns are columns of the table, with the same facts."""
    told = {column.name: column.type for column in table.shape.columns}
    if not {(c.name, c.type) for c in table.columns} <= told.items():
        raise ValueError(f"the shape of {table.name} does not have its columns")


def _check_links(tables: Mapping[RelationName, ExportedTable]) -> None:
    """Refuse tables whose rows are chosen by each other's, as that query would never end."""
    others: dict[RelationName, list[RelationName]] = {name: [] for name in tables}
    for table in tables.values():
        for condition in table.rows or ():
            for link in condition.links if isinstance(condition, LinkedTo) else ():
                if not link.columns or len(link.columns) != len(link.other_columns):
                    raise ValueError(f"a link of {table.name} does not join columns to columns")
                if link.other not in tables:
                    raise ValueError(f"a link of {table.name} leads to {link.other}, not exported")
                others[table.name].append(link.other)
    try:
        order = list(TopologicalSorter(others).static_order())
    except CycleError as error:
        raise ValueError(f"the rows of {error.args[1][0]} are chosen by their own") from error
    size: dict[RelationName, int] = {}
    depth: dict[RelationName, int] = {}
    for name in order:
        size[name] = 1 + sum(size[other] for other in others[name])
        depth[name] = 1 + max((depth[other] for other in others[name]), default=0)
        if size[name] > _MOST_QUERIES or depth[name] > _DEEPEST:
            raise ValueError(f"the rows of {name} are chosen by those of too many tables")


def _check_order(order: LoadOrder, tables: Mapping[RelationName, ExportedTable]) -> None:
    try:
        check_order(order, tables, [name for name, table in tables.items() if table.key])
    except ValueError as error:
        raise ValueError(f"the load order does not fit: {error}") from error
    for step in order.steps:
        if isinstance(step, PatchColumns):
            table = tables[step.table]
            if not (_columns(table) - set(table.key)).issuperset(step.columns):
                raise ValueError(f"the columns of {step.table} that are set later do not fit")


def _check_sequence(
    position: SequencePosition, tables: Mapping[RelationName, ExportedTable]
) -> None:
    table = tables.get(position.table)
    if table is None or position.column not in _columns(table):
        raise ValueError(
            f"a sequence is that of {position.table}.{readable(position.column)}, not exported"
        )
    if not _LEAST <= position.least <= position.greatest <= _GREATEST:
        raise ValueError(f"the sequence of {position.table} has impossible values")


def _check_reference(
    reference: ExportedReference, tables: Mapping[RelationName, ExportedTable]
) -> None:
    """Check that the reference's columns exist, and that both sides have the same number."""
    ends = tables.get(reference.table), tables.get(reference.references)
    columns, others = reference.columns, reference.referenced_columns
    used = {*columns, *([reference.only[0]] if reference.only else [])}
    if not (
        ends[0]
        and ends[1]
        and used <= _columns(ends[0])
        and _columns(ends[1]).issuperset(others)
        and 0 < len(columns) == len(others)
        and (len(columns) == 1 or not reference.elements)
        and len(reference.casts) in {0, len(columns)}
        and (reference.limit is None or (reference.down and reference.limit > 0))
        and (reference.sample is None or (reference.down and _is_amount(reference.sample[0])))
    ):
        raise ValueError(f"a reference of {reference.table} does not fit the tables")


def _is_amount(text: str) -> bool:
    try:
        return Sample.of(text).amount == text
    except ValueError:
        return False


def _check_root(root: RootRows, tables: Mapping[RelationName, ExportedTable]) -> None:
    table = tables.get(root.table)
    if table is None or not 0 <= root.row_count <= table.row_count:
        raise ValueError(f"a root is in {root.table}, which does not have its rows")
    keys = root.keys
    if keys is not None and not (
        table.key
        and len(keys) >= root.row_count
        and all(len(key) == len(table.key) for key in keys)
    ):
        raise ValueError(f"the keys of a root in {root.table} do not fit the table")


def _columns(table: ExportedTable) -> set[str]:
    return {column.name for column in table.columns}


def _repeated(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(set(listed)) != len(listed)
