"""Defines all errors, with the exit code of each.

Every error that replant raises on purpose is a `ReplantError`. Its text says what was wrong,
where (table, column, key, plugin, line), and what to do; the command line prints it and ends with
`exit_code`. Anything else that escapes is a fault in replant itself.
"""

from __future__ import annotations

from typing import ClassVar, Never, NoReturn


class ReplantError(Exception):
    """What went wrong, where, and what to do, in words for the person at the terminal."""

    exit_code: ClassVar[int] = 4


class UsageError(ReplantError):
    """The command line asks for something that cannot be done."""

    exit_code = 2


class ConfigurationError(UsageError):
    """The configuration is wrong; the text lists every mistake with its path."""


class ScopeError(UsageError):
    """A scope value is missing, malformed, or matches no row."""


class BudgetError(UsageError):
    """A closed set grew beyond its budget; the text shows by which path most rows came."""


class OutputError(UsageError):
    """The output exists already, or cannot be written."""


class PluginError(ReplantError):
    """A plugin cannot be loaded, or failed while it was asked."""

    exit_code = 3


class DatabaseError(ReplantError):
    """A database cannot be reached, refused, or failed."""


class PrivilegeError(DatabaseError):
    """The role lacks a privilege; the text has the GRANT that would mend it."""


class CatalogMismatchError(DatabaseError):
    """The database lacks a schema, a table or a column that is needed."""


class DanglingReferenceError(DatabaseError):
    """Rows of the export reference rows that are not part of it."""


class ReplayError(DatabaseError):
    """The target refused the rows; nothing of the artifact was kept."""


class ChangeError(DatabaseError):
    """Rows of the target cannot be changed or deleted as asked; the target is as it was."""


class PreflightError(ReplayError):
    """The target cannot take the artifact; the text names all that prevents it, line by line."""


class ArtifactError(ReplantError):
    """The artifact is damaged, unreadable, or no artifact at all."""

    exit_code = 5


def unexpected(value: Never) -> NoReturn:
    """Refuse a value of a plugin's that nothing was written for; the last case of a match.

    Raises:
        PluginError: always.

    """
    raise PluginError(f"a plugin gave a {type(value).__name__} where that has no meaning")


#: Exit code of a check that found a difference. It is a result, not an error.
DIFFERENCE_FOUND = 1

#: Exit code of an error that nobody foresaw, a fault of replant itself: EX_SOFTWARE of sysexits.h.
UNFORESEEN = 70

#: Exit code of an interrupted command: 128 + SIGINT, as shells report it.
INTERRUPTED = 130
