"""Collects mistakes of the configuration, so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import field, frozen

from replant.errors import ConfigurationError, ScopeError, UsageError


@frozen
class Mistakes:
    """Mistakes that were found so far, each a line with its path."""

    lines: list[str] = field(factory=list)
    _kinds: set[type[UsageError]] = field(factory=set)

    @contextmanager
    def collecting(self, *, more: bool = False) -> Iterator[None]:
        """Keep the mistakes that the block finds, and go on behind it.

        Args:
            more: whether the block goes on in spite of mistakes that are known; what it says of
                the same settings is no news.

        """
        try:
            yield
        except (ConfigurationError, ScopeError) as error:
            known = tuple(map(_place, self.lines)) if more else ()
            told = [line for line in str(error).splitlines() if not _is_of(line, known)]
            self.add(*told)
            if told:
                self._kinds.add(type(error))

    def add(self, *lines: str) -> None:
        """Add mistakes; one that is known already, with its path or as it is, stays one."""
        for line in lines:
            if not any(known == line or known.endswith(f": {line}") for known in self.lines):
                self.lines.append(line)

    def check(self) -> None:
        """Refuse to go on if there is one.

        Raises:
            ConfigurationError: it has all of them, each on a line.
            ScopeError: so does this, where all are of the scope.

        """
        if self.lines:
            kind = ScopeError if self._kinds == {ScopeError} else ConfigurationError
            raise kind("\n".join(self.lines))


def _place(line: str) -> str:
    """Return the path that a mistake is about; of a misspelt table, that of all about the table."""
    path = line.partition(": ")[0]
    return path.removesuffix("name") if path.endswith("].name") else path


def _is_of(line: str, known: tuple[str, ...]) -> bool:
    path = line.partition(": ")[0]
    return any(path == one or (one[-1:] == "." and path.startswith(one)) for one in known)
