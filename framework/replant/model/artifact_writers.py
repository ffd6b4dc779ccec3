"""Defines how a plugin writes whole artifacts: what stands before, between and after the rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import field, frozen

from replant.model.catalog import Column, Table
from replant.model.checked import checked
from replant.model.transform import Text


class ArtifactWriter:
    """Writes one artifact in a format of a plugin's; a subclass overrides what it needs.

    One writer is made for each export. What a method returns is appended to the file as it is:
    nothing is put between, no line end either. With a file for each table, `begin` and `end` are
    called for each file.
    """

    def begin(self) -> bytes:
        """Begin a file."""
        return b""

    def table(self, table: Table, columns: Sequence[Column]) -> bytes:
        """Begin a table, whose rows follow; called for each exported table, also without rows."""
        del table, columns
        return b""

    def rows(self, rows: Sequence[tuple[Text, ...]]) -> bytes:
        """Write some rows of the table that was begun.

        Args:
            rows: the texts of their values as PostgreSQL writes them, in column order, after all
                transforms; None stands for NULL.

        """
        raise NotImplementedError

    def end_table(self) -> bytes:
        """End the table."""
        return b""

    def end(self) -> bytes:
        """End a file."""
        return b""


@frozen(field_transformer=checked)
class ArtifactFormat:
    """How artifacts of a format are written.

    Attributes:
        open: makes the writer of an export; the class itself will do.
        suffix: the ending of the file of each table, such as `.parquet`, in a directory; empty for
            one file with all tables.

    """

    open: Callable[[], ArtifactWriter]
    suffix: str = ""


@frozen(field_transformer=checked)
class PlannedWriting:
    """The format in which an artifact is written, with the plugin that writes it.

    Attributes:
        plugin: its name.
        columns: of each exported table, in order.

    """

    plugin: str
    format: ArtifactFormat
    columns: tuple[tuple[Table, tuple[Column, ...]], ...] = field(repr=False)
