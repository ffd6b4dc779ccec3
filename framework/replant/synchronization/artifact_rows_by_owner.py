"""Reads the owned rows of an artifact, and the shared ones, apart from each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import compress

from attrs import evolve, frozen

from replant.artifact.artifact import Artifact
from replant.artifact.manifest import ExportedTable
from replant.difference.sides import ArtifactSide, Content, SideTable, side_table
from replant.model import RelationName
from replant.model.ownership import Ownership
from replant.sql.row_forms import RowForm, Rows


@frozen
class OwnedSide(ArtifactSide):
    """The owned rows of an artifact as a side of a comparison."""

    @cached_property
    def tables(self) -> Mapping[RelationName, SideTable]:
        """The tables that may have owned rows."""
        return {
            table.name: evolve(side_table(table), row_count=table.row_count - table.shared_count)
            for table in self.artifact.manifest.tables
            if table.ownership is not Ownership.SHARED
        }

    def content(self, name: RelationName, form: RowForm, like: Content | None = None) -> Content:
        """Return what the manifest says; where other rows are shared, hash the owned ones."""
        exported = self._exported(name)
        if not exported.shared_count:
            return super().content(name, form, like)
        return self.hashed(name, form, like or Content(0, 0, exported.rows_per_block))

    def rows(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the owned rows, whole."""
        return rows_of_owner(self.artifact, name, form, owned=True)

    def lines(self, name: RelationName, form: RowForm) -> Iterator[Rows]:
        """Read the owned rows, or what stands in their place if it need not be taken apart."""
        if self._exported(name).shared_count:
            return self.rows(name, form)
        return super().lines(name, form)

    def _exported(self, name: RelationName) -> ExportedTable:
        return self.artifact.manifest.table(name)


def rows_of_owner(
    artifact: Artifact, name: RelationName, form: RowForm, *, owned: bool
) -> Iterator[Rows]:
    """Read the rows of a table that are owned, or those that are shared."""
    flags = artifact.manifest.table(name).is_owned()
    for rows in ArtifactSide(artifact).rows(name, form):
        yield list(compress(rows, (next(flags) is owned for _ in rows)))
