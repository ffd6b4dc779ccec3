"""Keeps secrets out of files and messages: the configuration names the variable that holds one."""

from __future__ import annotations

import os

from attrs import frozen

from replant.errors import ConfigurationError

_BEGINNING = "env:"


@frozen
class Secret:
    """A secret of a plugin's settings, which the configuration writes as `env:NAME`.

    Attributes:
        variable: the environment variable that holds the secret. Nothing prints what it holds.

    """

    variable: str

    @classmethod
    def parse(cls, text: str) -> Secret:
        """Read `env:NAME`.

        Raises:
            ValueError: it is something else. It is not quoted, as it may be the secret itself.

        """
        name = text.removeprefix(_BEGINNING)
        if name == text or not name.isidentifier():
            raise ValueError(
                "must be 'env:NAME', the environment variable that holds the secret, and not the "
                "secret itself"
            )
        return cls(name)

    def __str__(self) -> str:
        """Write the secret as the configuration does."""
        return f"{_BEGINNING}{self.variable}"

    @property
    def problem(self) -> str | None:
        """What is wrong with the variable; None if it holds something."""
        if os.environ.get(self.variable):
            return None
        return f"the environment variable {self.variable!r} is not set, or empty"

    def reveal(self) -> str:
        """Return the secret.

        Raises:
            ConfigurationError: the variable is not set, or empty.

        """
        if self.problem is not None:
            raise ConfigurationError(self.problem)
        return os.environ[self.variable]
