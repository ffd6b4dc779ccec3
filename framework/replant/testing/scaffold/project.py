"""Fills in the templates of a plugin project: a name goes in, files with their paths come out.

The templates lie beside this module: those of every project, and those of a kind. In a path there,
`package` stands for the package of the plugin, and `dot-` for the point before the name of a hidden
file.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from attrs import frozen

_SUFFIX = ".template"

#: The kinds of plugins that there are templates for, and what such a plugin is for.
KINDS = {"tables": "schema", "strategy": "strategy", "format": "format"}

_PREFIX = "replant"

#: Letters, digits, and single separators between them, as a distribution's name may have.
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*", re.IGNORECASE)

#: A schema's name and what is put before it must fit into 63 bytes, and a line of code into 100.
_LONGEST = 40

#: The names that PostgreSQL does not take for a schema unless they are quoted: its key words that
#: are reserved, or are so except for functions and types (manual, "SQL Key Words").
_KEY_WORDS = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check
    collate collation column concurrently constraint create cross current_catalog current_date
    current_role current_schema current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign freeze from full grant group having ilike in
    initially inner intersect into is isnull join lateral leading left like limit localtime
    localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
    references returning right select session_user similar some symmetric system_user table
    tablesample then to trailing true union unique user using variadic verbose when where window
    with
"""
RESERVED = frozenset(_KEY_WORDS.split())

#: The names that something else has, and what that is.
_TAKEN = {
    "plugins": "replant's own package is named replant_plugins",
    "enable": "[plugins] enable is a setting of replant",
    "public": "every database has a schema of that name",
    "information_schema": "every database has a schema of that name",
}


class _Template(string.Template):
    """Filled in where `@@name` stands: `$` has a meaning in SQL and in shells."""

    delimiter = "@@"


@frozen
class ProjectNames:
    """What a project and its parts are called.

    Attributes:
        name: as it was asked for.
        plugin: of the plugin, of its schema, and of the entry point: `my_shop`.

    """

    name: str
    plugin: str

    @classmethod
    def of(cls, name: str) -> ProjectNames:
        """Derive the names; `my-shop`, `my_shop` and `replant-my-shop` give the same.

        Raises:
            ValueError: the text cannot be such a name; it says why.

        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot be the name of a plugin: letters, digits, and single - or _ "
                f"between them, beginning with a letter, as in my-shop"
            )
        plugin = re.sub("[-.]", "_", name).lower().removeprefix(f"{_PREFIX}_")
        if len(plugin) > _LONGEST:
            raise ValueError(f"{name!r} is too long for a plugin: {_LONGEST} characters at most")
        if not plugin[0].isalpha():
            raise ValueError(f"{plugin!r} cannot be the name of a plugin: it begins with a digit")
        if plugin in _TAKEN:
            raise ValueError(f"{plugin!r} cannot be the name of a plugin: {_TAKEN[plugin]}")
        if plugin.startswith("pg_"):
            raise ValueError(f"{plugin!r} cannot be a schema: PostgreSQL reserves names with pg_")
        return cls(name, plugin)

    @property
    def distribution(self) -> str:
        """The distribution: `replant-my-shop`."""
        return f"{_PREFIX}-{self.plugin.replace('_', '-')}"

    @property
    def package(self) -> str:
        """The package that is imported: `replant_my_shop`."""
        return f"{_PREFIX}_{self.plugin}"

    @property
    def filling(self) -> Mapping[str, str]:
        """What the templates ask for."""
        return {
            "name": self.name,
            "plugin": self.plugin,
            "distribution": self.distribution,
            "package": self.package,
            "schema": f'"{self.plugin}"' if self.plugin in RESERVED else self.plugin,
            "variable": self.plugin.upper(),
        }


def project_files(names: ProjectNames, kind: str = "tables") -> dict[str, str]:
    """Return the files of a project, by their paths with `/` in between.

    Args:
        names: what it and its parts are called.
        kind: one of `KINDS`.

    """
    found: dict[str, str] = {}
    filling = {**names.filling, "what": KINDS[kind]}
    for folder in ("every", kind):
        _collect(resources.files(__package__) / folder, "", names, filling, found)
    return dict(sorted(found.items()))


def _collect(
    folder: Traversable,
    path: str,
    names: ProjectNames,
    filling: Mapping[str, str],
    found: dict[str, str],
) -> None:
    for item in folder.iterdir():
        if item.is_dir():
            _collect(item, f"{path}{_renamed(item.name, names)}/", names, filling, found)
        elif item.name.endswith(_SUFFIX):
            filled = _Template(item.read_text("utf-8")).substitute(filling)
            found[path + _renamed(item.name.removesuffix(_SUFFIX), names)] = filled


def _renamed(name: str, names: ProjectNames) -> str:
    if name.startswith("dot-"):
        return f".{name.removeprefix('dot-')}"
    return names.package if name == "package" else name
