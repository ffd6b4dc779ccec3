"""Guards the writers of plugins: what goes wrong in one is one line that names plugin and table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from replant.errors import PluginError
from replant.model import ArtifactWriter, Column, Table, Text
from replant.plugins.guarded import raised


@frozen
class GuardedWriters:
    """Makes the writers of a format.

    Attributes:
        open: what the plugin gave.
        plugin: the plugin, as an error names it.

    """

    open: Callable[[], ArtifactWriter]
    plugin: str

    def __call__(self) -> ArtifactWriter:
        """Make a writer.

        Raises:
            PluginError: the plugin fails, or gives something else.

        """
        try:
            writer = self.open()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(
                f"{self.plugin}: what makes its writer {raised(error)}; correct the plugin"
            ) from error
        if not isinstance(writer, ArtifactWriter):
            raise PluginError(
                f"{self.plugin} gave a {type(writer).__name__} as writer, which is no "
                f"replant.ArtifactWriter; correct the plugin"
            )
        return GuardedWriter(writer, self.plugin)


class GuardedWriter(ArtifactWriter):
    """A writer whose faults are told by plugin and table; the values stay out of the message."""

    def __init__(self, writer: ArtifactWriter, plugin: str) -> None:
        """Guard a writer of a plugin, as an error names it."""
        self._writer = writer
        self._plugin = plugin
        self._place = ""

    def begin(self) -> bytes:
        """Begin a file; see `ArtifactWriter` for this and the others.

        Raises:
            PluginError: the writer fails, or gives what are no bytes.

        """
        return self._written("begin", self._writer.begin)

    def table(self, table: Table, columns: Sequence[Column]) -> bytes:
        """Begin a table."""
        self._place = f" for {table.name}"
        return self._written("table", lambda: self._writer.table(table, columns))

    def rows(self, rows: Sequence[tuple[Text, ...]]) -> bytes:
        """Write rows."""
        return self._written("rows", lambda: self._writer.rows(rows))

    def end_table(self) -> bytes:
        """End a table."""
        written = self._written("end_table", self._writer.end_table)
        self._place = ""
        return written

    def end(self) -> bytes:
        """End a file."""
        return self._written("end", self._writer.end)

    def _written(self, method: str, write: Callable[[], bytes]) -> bytes:
        what = f"{self._plugin}: the method {method} of its writer"
        try:
            written = write()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise PluginError(f"{what} {raised(error)}{self._place}; correct the plugin") from error
        if not isinstance(written, bytes):
            raise PluginError(
                f"{what} gave {type(written).__name__}, not bytes{self._place}; correct the plugin"
            )
        return written
