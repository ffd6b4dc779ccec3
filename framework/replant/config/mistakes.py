"""Collects mistakes of the configuration, so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import field, frozen

from replant.errors import ConfigurationError


@frozen
class Mistakes:
    """Mistakes that were found so far, each a line with its path."""

    lines: list[str] = field(factory=list)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the mistakes that the block finds, and go on behind it."""
        try:
            yield
        except ConfigurationError as error:
            self.add(*str(error).splitlines())

    def add(self, *lines: str) -> None:
        """Add mistakes; one that is known already stays one."""
        self.lines.extend(line for line in lines if line not in self.lines)

    def check(self) -> None:
        """Refuse to go on if there is one.

        Raises:
            ConfigurationError: it has all of them, each on a line.

        """
        if self.lines:
            raise ConfigurationError("\n".join(self.lines))
