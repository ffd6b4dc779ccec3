"""Reads an artifact as if its rows had the keys that the target has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import AskedCondition, ExportedTable, Manifest
from replant.artifact.row_batches import parsed
from replant.database.connections import DatabaseConnection
from replant.database.read_catalog import read_catalog
from replant.errors import PreflightError, UsageError
from replant.matching.met_rows import MetRows, find_met_rows
from replant.matching.row_references import RowReference, compared, rewritten
from replant.model import ColumnIs, OnConflict, RelationName, Settings, readable
from replant.model.closure_origin import RootRows
from replant.model.match import Match
from replant.sql.equalities import equalities
from replant.sql.fingerprints import Fingerprint
from replant.sql.row_forms import INSERT_ROWS, RowForm, Rows


def meet(
    database: DatabaseConnection, artifact: Artifact, settings: Settings, *, strict: bool = True
) -> Artifact:
    """Return the artifact with the keys that the target has for rows which are met there.

    Args:
        database: a transaction in the target.
        artifact: as it was exported.
        settings: say by which columns rows are met, where the artifact does not.
        strict: whether a row is refused that is not met while its key is another row's.

    Raises:
        PreflightError: there is such a row.
        UsageError: the columns are not a unique key in the target, tables are met through each
            other, or rows are chosen by the key of a row that is met and do not reference it.

    """
    matches = _matches(artifact.manifest, settings)
    if not matches:
        return artifact
    met = find_met_rows(database, read_catalog(database), artifact, matches)
    if strict and met.problems:
        raise PreflightError("\n".join(met.problems))
    _check_followed(artifact.manifest, met)
    return MetArtifact(artifact, met, matches)


def _check_followed(manifest: Manifest, met: MetRows) -> None:
    """Refuse rows that are chosen by the key of a row that was met, and do not reference it.

    Raises:
        UsageError: they would belong to another row of the target.

    """
    asked = list(_asked(manifest))
    changed = {
        value: (name, column)
        for name, column, value in asked
        if _becomes_another(met, met.references.itself(name, (column,)), value)
    }
    problems = [
        f"match: {name} is chosen by {readable(column)} = {value}, and {changed[value][0]} by "
        f"{readable(changed[value][1])}, which has another value in the target: no reference says "
        f"that the rows of {name} follow it; declare one under [[plugins.schemas.references]], and "
        f"export again"
        for name, column, value in asked
        if value in changed
        and not any(
            _becomes_another(met, reference, value)
            for reference in (
                met.references.itself(name, (column,)),
                *met.references.by_table[name],
            )
            if reference.columns == (column,) and not reference.only
        )
    ]
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))


def _asked(manifest: Manifest) -> Iterator[tuple[RelationName, str, str]]:
    """Yield the values by which rows are chosen, each with its table and exported column."""
    for table in manifest.tables:
        columns = {column.name for column in table.columns}
        terms = [(c.column, c.value) for c in table.rows or () if isinstance(c, ColumnIs)]
        roots = (root for root in manifest.roots if root.table == table.name)
        terms += [term for root in roots for term in equalities(root.condition) or ()]
        yield from ((table.name, column, value) for column, value in terms if column in columns)


def _becomes_another(met: MetRows, reference: RowReference, value: str) -> bool:
    known = met.values.get((reference.references, reference.referenced), {})
    return compared([value], reference.types) in known


def _matches(manifest: Manifest, settings: Settings) -> dict[RelationName, Match]:
    """Return the matches of the settings, and else those of the artifact."""
    said = {t.name: Match(t.match, t.match_owned) for t in settings.tables if t.match}
    known = {t.name: t.match for t in manifest.tables if t.match is not None}
    present = {table.name for table in manifest.tables}
    return {name: match for name, match in {**known, **said}.items() if name in present}


@frozen
class MetArtifact:
    """An artifact of which some rows have other keys, and those that reference them other values.

    Attributes:
        artifact: as it was exported.
        met: the new values.
        matches: by which columns rows of a table were met.

    """

    artifact: Artifact
    met: MetRows
    matches: Mapping[RelationName, Match]
    _changed: Mapping[RelationName, tuple[RowReference, ...]] = field(init=False)
    manifest: Manifest = field(init=False)

    @_changed.default
    def _references_to_met_rows(self) -> Mapping[RelationName, tuple[RowReference, ...]]:
        """Return the references that lead to rows which were met, of the tables that have some."""
        found = {}
        for name, references in self.met.references.by_table.items():
            keys = self.met.references.referenced(name)
            itself = [self.met.references.itself(name, key) for key in keys]
            kept = tuple(
                reference
                for reference in (*itself, *references)
                if (reference.references, reference.referenced) in self.met.values
            )
            if kept:
                found[name] = kept
        return found

    @manifest.default
    def _manifest(self) -> Manifest:
        manifest = self.artifact.manifest
        return evolve(
            manifest,
            tables=tuple(map(self._table, manifest.tables)),
            roots=tuple(map(self._root, manifest.roots)),
        )

    @property
    def origin(self) -> str:
        """The path of the artifact, for messages."""
        return self.artifact.origin

    @property
    def stored_separately(self) -> Mapping[RelationName, tuple[str, ...]]:
        """The columns that stand apart from their rows, by table."""
        return self.artifact.stored_separately

    def rows(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows of one table, in the form that the manifest tells of."""
        exported = self.artifact.manifest.table(table)
        names = tuple(column.name for column in exported.columns)
        return self._rewritten(self.artifact.rows(table), table, exported.row_form, names)

    def lines(self, table: RelationName) -> Iterator[Rows]:
        """Read the rows, or what stands in their place where none changes."""
        return self.rows(table) if table in self._changed else self.artifact.lines(table)

    def patches(self, table: RelationName) -> Iterator[Rows]:
        """Read the key and the columns that stand apart, of one table, as rows of an INSERT."""
        key = self.artifact.manifest.table(table).key
        names = key + self.stored_separately.get(table, ())
        return self._rewritten(self.artifact.patches(table), table, INSERT_ROWS, names)

    def _rewritten(
        self, batches: Iterator[Rows], table: RelationName, form: RowForm, names: tuple[str, ...]
    ) -> Iterator[Rows]:
        references = tuple(
            reference
            for reference in self._changed.get(table, ())
            if {*reference.columns, *(reference.only or ())[:1]} <= {*names}
        )
        if not references:
            yield from batches
            return
        for batch in batches:
            rows = []
            for line, texts in zip(
                batch, parsed(form, batch, len(names), table, self.origin), strict=True
            ):
                row = dict(zip(names, texts, strict=True))
                changed = rewritten(row, references, self.met.values)
                rows.append(line if changed is row else form.row(tuple(changed.values())))
            yield rows

    def _table(self, table: ExportedTable) -> ExportedTable:
        match = self.matches.get(table.name)
        if match is not None and table.on_conflict is OnConflict.ERROR and _all_met(table, match):
            # They are there: that is what it means to meet them.
            table = evolve(table, on_conflict=OnConflict.SKIP)
        if table.name not in self._changed:
            return table
        found = Fingerprint()
        for rows in self.rows(table.name):
            found.add(rows)
        return evolve(
            table,
            rows=None
            if table.rows is None
            else tuple(self._condition(table, c) for c in table.rows),
            fingerprint=f"{found.total:016x}",
            ordered=False,
            rows_per_block=1,
            blocks=(),
        )

    def _condition(self, table: ExportedTable, condition: AskedCondition) -> AskedCondition:
        if not isinstance(condition, ColumnIs):
            return condition
        row = {condition.column: condition.value}
        references = [
            r for r in self._changed[table.name] if r.columns == (condition.column,) and not r.only
        ]
        (value,) = rewritten(dict(row), tuple(references), self.met.values).values()
        return evolve(condition, value=value or condition.value)

    def _root(self, root: RootRows) -> RootRows:
        """Return a root with the keys of its rows in the target."""
        key = self.artifact.manifest.table(root.table).key
        known = self.met.values.get((root.table, key))
        if root.keys is None or not known:
            return root
        types = self.met.references.itself(root.table, key).types
        new = (known.get(compared(held, types), held) for held in root.keys)
        return evolve(root, keys=tuple(tuple(part or "" for part in held) for held in new))


def _all_met(table: ExportedTable, match: Match) -> bool:
    """Tell whether every row of a table may be there, under whatever key."""
    return match.owned or table.shared_count == table.row_count
