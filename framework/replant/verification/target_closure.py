"""Finds the closed set of an artifact anew in a target: the same roots, references and rules.

So rows are found that only the target has. Of the source's roots the manifest knows the keys; their
conditions are text for people, and are never run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from replant.artifact.artifact import Artifact, row_texts
from replant.artifact.manifest import ExportedReference, Manifest
from replant.closure.closure import find_closure
from replant.closure.closure_request import ClosureRequest, Rules
from replant.closure.graph_reader import read_reference_graph
from replant.database import sql
from replant.database.connections import DatabaseConnection
from replant.errors import (
    CatalogMismatchError,
    ConfigurationError,
    PrivilegeError,
    ScopeError,
    UsageError,
)
from replant.model import Catalog, PlannedTable, RelationName, Text
from replant.model.closure_origin import FollowedReference, RootRows
from replant.model.closure_rules import Children, EdgeRule, Root
from replant.model.conditions import RowsAt
from replant.model.ownership import Ownership
from replant.model.references import (
    ArrayReference,
    DeclaredReference,
    EdgeName,
    PlainReference,
    PolymorphicReference,
    PolymorphicTarget,
    Reference,
)
from replant.model.samples import Sample
from replant.sql.equalities import equalities
from replant.sql.where_clauses import predicate_of

#: Why rows that only the target has were not looked for in a table of `roots_by_key`.
ROOTS_BY_KEY = (
    "its roots were looked up by their keys, since no condition of an artifact is run; other rows "
    "may satisfy it"
)

#: More root rows than this are not looked up by their keys: they stand in one query.
MOST_ROOTS = 10_000


@frozen
class TargetClosure:
    """The rows of a closed set in a target.

    Attributes:
        rows: by table; empty where the set could not be found.
        owned: those of them that are owned, where they were asked for.
        shared: those that are shared, likewise.
        references: the references that were followed.
        why_not: why it could not be found.

    """

    rows: Mapping[RelationName, RowsAt]
    owned: Mapping[RelationName, RowsAt] = field(factory=dict)
    shared: Mapping[RelationName, RowsAt] = field(factory=dict)
    references: tuple[FollowedReference, ...] = ()
    why_not: str = ""


def find_target_closure(
    database: DatabaseConnection,
    catalog: Catalog,
    artifact: Artifact,
    tables: Mapping[RelationName, PlannedTable],
    *,
    by_ownership: bool = False,
) -> TargetClosure:
    """Find the rows of the artifact's closed set in the target.

    Args:
        database: a reading connection to the target.
        catalog: what the target has.
        artifact: the artifact; of a closed set if its manifest has roots.
        tables: the artifact's tables as the target has them.
        by_ownership: whether owned and shared rows are told apart.

    """
    manifest = artifact.manifest
    if not manifest.roots:
        return TargetClosure({}, why_not="no condition selects these rows in the target")
    unlike = sorted({str(r.table) for r in manifest.references if _is_sampled_anew(manifest, r)})
    if unlike:
        return TargetClosure(
            {}, why_not=f"samples of {', '.join(unlike)} are by keys that changed on their way"
        )
    try:
        graph = read_reference_graph(
            database, catalog, list(declared_references(manifest, catalog))
        )
        told = {_ends_of_exported(known): known for known in reversed(manifest.references)}
        followed = [told.get(_ends(reference)) for reference in graph.references]
        kept = [r for r, known in zip(graph.references, followed, strict=True) if known]
        edges = {
            reference.edge: EdgeRule(
                known.down or Children.STOP, known.limit, _sample(known.sample)
            )
            for reference, known in zip(graph.references, followed, strict=True)
            if known
        }
        fixed = frozenset(t.name for t in manifest.tables if t.rows is not None)
        request = ClosureRequest(
            tuple(_roots(artifact, tables)),
            Rules(edges=edges, fixed=fixed),
            shared=frozenset(t.name for t in manifest.tables if t.ownership is Ownership.SHARED),
        )
        with find_closure(database, evolve(graph, references=tuple(kept)), request) as closure:
            open_ = [t.name for t in manifest.tables if t.rows is None and t.name in tables]
            told_apart = open_ if by_ownership else ()
            return TargetClosure(
                {name: closure.rows_at(name) for name in open_},
                {name: closure.owned_at(name) for name in told_apart},
                {name: closure.shared_at(name) for name in told_apart},
                tuple(
                    FollowedReference(
                        reference, known.up, known.down, known.limit, _sample(known.sample)
                    )
                    for reference, known in zip(graph.references, followed, strict=True)
                    if known
                ),
            )
    except (
        CatalogMismatchError,
        ConfigurationError,
        PrivilegeError,
        ScopeError,
        UsageError,
    ) as error:
        return TargetClosure({}, why_not=str(error))


def roots_by_key(manifest: Manifest) -> frozenset[RelationName]:
    """Return the tables with roots that were chosen by a condition which other rows may satisfy.

    No other row does where the condition is that a key has a value.
    """
    found = set()
    for root in manifest.roots:
        if manifest.table(root.table).rows is not None:
            continue  # a condition that the manifest holds as data, and not as SQL
        shape = manifest.shapes.get(root.table)
        keys = (shape.keys.primary or (), *shape.keys.unique) if shape and shape.keys else ()
        terms = equalities(root.condition) or ()
        named = {name for name, _ in terms}
        if not any(key and named >= {*key} for key in keys):
            found.add(root.table)
    return frozenset(found)


def _is_sampled_anew(manifest: Manifest, reference: ExportedReference) -> bool:
    """Tell whether a sample would be another in the target, as the keys are others there."""
    table = manifest.table(reference.table)
    changed = {column.name for column in table.columns if column.changes}
    return reference.sample is not None and not changed.isdisjoint(table.key)


def _sample(told: tuple[str, str] | None) -> Sample | None:
    return None if told is None else Sample(*told)


def _roots(artifact: Artifact, tables: Mapping[RelationName, PlannedTable]) -> Iterator[Root]:
    for root in artifact.manifest.roots:
        if root.table not in tables:
            continue
        yield Root(root.table, _predicate(artifact, tables, root), may_be_empty=True)


def _predicate(
    artifact: Artifact, tables: Mapping[RelationName, PlannedTable], root: RootRows
) -> str:
    """Compose what selects the rows of a root.

    Raises:
        UsageError: nothing does.

    """
    exported = artifact.manifest.table(root.table)
    if exported.rows is not None:
        selection = {name: table.rows for name, table in tables.items()}
        return predicate_of(selection, root.table).as_string()
    keys = root_keys(artifact, root)
    if keys is None:
        raise UsageError(
            f"the artifact does not tell the keys of the {root.row_count:,} root rows of "
            f"{root.table}"
        )
    return _has_key(exported.key, keys) if keys else "false"


def root_keys(artifact: Artifact, root: RootRows) -> tuple[tuple[str, ...], ...] | None:
    """Return the keys of a root's rows, if the artifact tells them: as such, or by its rows.

    Of a root without rows nothing tells which rows it would have in the target.
    """
    exported = artifact.manifest.table(root.table)
    if root.keys is not None:
        return root.keys
    if not exported.key or not 0 < root.row_count == exported.row_count <= MOST_ROOTS:
        return None
    places = [[c.name for c in exported.columns].index(name) for name in exported.key]
    return tuple(
        tuple(texts[place] or "" for place in places)
        for batch in row_texts(artifact, root.table)
        for texts in batch
    )


def _has_key(names: Sequence[str], keys: Sequence[Sequence[Text]]) -> str:
    rows = [sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Literal, key))) for key in keys]
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    return sql.SQL("({}) IN ({})").format(columns, sql.SQL(", ").join(rows)).as_string()


def _ends(reference: Reference) -> tuple[object, ...]:
    """Return what tells a reference of the target from others."""
    return (
        reference.table,
        reference.columns,
        reference.references,
        reference.referenced_columns,
        reference.elements,
        None if reference.only is None else (reference.only.column, reference.only.value),
    )


def _ends_of_exported(known: ExportedReference) -> tuple[object, ...]:
    """Return the same of a reference that the manifest tells of."""
    return (
        known.table,
        known.columns,
        known.references,
        known.referenced_columns,
        known.elements,
        known.only,
    )


def declared_references(manifest: Manifest, catalog: Catalog) -> Iterator[DeclaredReference]:
    """Yield the artifact's references that are no foreign keys of the target."""
    keys = {
        (key.relation, key.columns, key.referenced_relation, key.referenced_columns)
        for table in catalog.tables.values()
        for key in table.foreign_keys
    }
    names = {EdgeName(k.relation, k.name) for t in catalog.tables.values() for k in t.foreign_keys}
    for known in manifest.references:
        if not {known.table, known.references}.issubset(catalog.tables):
            continue
        ends = (known.table, known.columns, known.references, known.referenced_columns)
        name = known.name
        while EdgeName(known.table, name) in names:
            name += "_declared"
        if known.only is not None:
            target = PolymorphicTarget(known.only[1], known.references, known.referenced_columns)
            yield PolymorphicReference(
                known.table, known.only[0], known.columns, (target,), f"{name}_{known.only[1]}"
            )
        elif known.elements:
            yield ArrayReference(
                known.table, known.columns[0], known.references, known.referenced_columns[0], name
            )
        elif ends not in keys:
            yield PlainReference(
                known.table, known.columns, known.references, known.referenced_columns, name
            )
