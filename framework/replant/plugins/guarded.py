"""Guards the functions of plugins: what goes wrong in one is one line that names the plugin.

A function that a plugin gave runs for each value or row. Its faults are told by plugin, table,
column and key; the value stays out of the message, and so does an exception's text, which often
quotes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import PurePath
from traceback import extract_tb
from typing import TypeVar

from attrs import frozen

from replant.errors import PluginError
from replant.model import Text
from replant.model.checked import check_sendable

Row = TypeVar("Row")
Made = TypeVar("Made")


class RowError(PluginError):
    """A plugin's function failed for a row, which `each_row` names."""


@frozen
class GuardedFunction:
    """A plugin's function of a value's text.

    Attributes:
        function: what the plugin gave.
        plugin: the plugin, as an error names it.
        place: the column, as an error names it.

    """

    function: Callable[[Text], Text]
    plugin: str
    place: str

    def __call__(self, text: Text) -> Text:
        """Return the new text.

        Raises:
            RowError: the function raises, or gives what is not text that PostgreSQL can hold.

        """
        try:
            changed = self.function(text)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._fault(raised(error)) from error
        if changed is None:
            return None
        if not isinstance(changed, str):
            raise self._fault(f"gave {type(changed).__name__}, not str or None")
        try:
            check_sendable(changed, "its text")
        except ValueError as error:
            raise self._fault(f"failed: {error}") from error
        return changed

    def _fault(self, what: str) -> RowError:
        return RowError(f"{self.plugin}: the function that changes {self.place} {what}")


@frozen
class GuardedRow:
    """A plugin's function from a row's texts to a line of bytes; attributes as above."""

    function: Callable[[tuple[Text, ...]], bytes]
    plugin: str
    place: str

    def __call__(self, row: tuple[Text, ...]) -> bytes:
        """Return the line.

        Raises:
            RowError: the function raises, or gives what is not text in UTF-8.

        """
        try:
            line = self.function(row)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self._fault(raised(error)) from error
        if not isinstance(line, bytes):
            raise self._fault(f"gave {type(line).__name__}, not bytes")
        try:
            check_sendable(line.decode(), "its line")
        except UnicodeDecodeError as error:
            raise self._fault("failed: its line is not UTF-8") from error
        except ValueError as error:
            raise self._fault(f"failed: {error}") from error
        return line

    def _fault(self, what: str) -> RowError:
        return RowError(f"{self.plugin}: the function that renders rows of {self.place} {what}")


def each_row(
    function: Callable[[Row], Made], rows: Iterable[Row], name_of: Callable[[Row], str]
) -> list[Made]:
    """Call a function for each row.

    Args:
        function: what calls guarded functions.
        rows: the rows.
        name_of: how an error names a row.

    Raises:
        PluginError: a guarded function failed; the text names the row.

    """
    made: list[Made] = []
    for row in rows:
        try:
            made.append(function(row))
        except RowError as fault:
            raise PluginError(f"{fault}, for the row {name_of(row)}; correct the plugin") from fault
    return made


def one_line(error: BaseException) -> str:
    """Write an exception of a plugin's on one line: its type and its text."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - an exception that cannot say what it is
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def raised(error: BaseException) -> str:
    """Say what was raised and where, without the exception's own text."""
    frames = extract_tb(error.__traceback__)
    place = f" ({PurePath(frames[-1].filename).name}, line {frames[-1].lineno})"
    return f"raised {type(error).__name__}{place if len(frames) > 1 else ''}"
