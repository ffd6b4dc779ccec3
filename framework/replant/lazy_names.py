"""Imports the public names of a package when they are first used.

A command line that only prints its help then imports little, and a function may have the name of a
package: `replant.export` is the function, and `from replant.export import …` finds the package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any


def publish(package: str, homes: Mapping[str, str]) -> None:
    """Make names available as attributes of a package.

    Args:
        package: its name.
        homes: modules, each with the public names that it defines, separated by blanks.

    """
    module = sys.modules[package]
    module.__dict__["_home_of"] = {
        name: home for home, names in homes.items() for name in names.split()
    }
    module.__class__ = _LazyPackage


class _LazyPackage(ModuleType):
    """A package that imports its public names on use, and keeps them.

    The documented way to customise a module's attributes is to set its `__class__` (Python
    reference, "Customizing module attribute access").
    """

    _home_of: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:
        """Import a public name from its home."""
        if name not in self._home_of:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(self._home_of[name]), name)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, unless the import system would hide a public name by a package."""
        if not (name in self._home_of and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> Iterable[str]:
        """List the public names, used or not, and nothing that is there for the package itself."""
        own = {name for name in super().__dir__() if name.startswith("__")}
        return sorted(own | {*self._home_of})
