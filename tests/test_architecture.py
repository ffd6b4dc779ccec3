"""The layout is what the architecture page says, and every name is used once."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FRAMEWORK = ROOT / "framework" / "replant"
PLUGINS = ROOT / "plugins" / "replant_plugins"

#: Modules whose name says which part of their room they are.
IN_EVERY_ROOM = {"__init__", "queries", "environment"}


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


def rooms(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/*.py")} - {"__pycache__"}


def listed_rooms(prefix: str) -> set[str]:
    text = (ROOT / "docs/explanation/architecture.md").read_text()
    return set(re.findall(rf"^\| `{prefix}(\w+)` \|", text, re.MULTILINE))


def used_twice(names: list[str]) -> list[str]:
    return sorted(name for name, number in Counter(names).items() if number > 1)


def test_the_architecture_page_lists_the_rooms_that_there_are() -> None:
    assert listed_rooms("") == rooms(FRAMEWORK)


def test_the_architecture_page_lists_the_rooms_of_testing() -> None:
    assert listed_rooms("testing/") == rooms(FRAMEWORK / "testing")


def test_the_architecture_page_names_files_that_there_are() -> None:
    text = (ROOT / "docs/explanation/architecture.md").read_text()
    named = set(re.findall(r"`([\w/]+\.py)`", text))
    bases = (FRAMEWORK, FRAMEWORK / "preflight", PLUGINS.parent)
    missing = {path for path in named if not any((base / path).exists() for base in bases)} - {
        "queries.py",
        "environment.py",
    }
    assert missing == set()


@pytest.mark.parametrize("package", [FRAMEWORK, PLUGINS], ids=lambda path: str(path.name))
def test_every_class_has_a_name_of_its_own(package: Path) -> None:
    names = [
        node.name
        for path in modules(package)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    ]
    assert used_twice(names) == []


@pytest.mark.parametrize("package", [FRAMEWORK, PLUGINS], ids=lambda path: str(path.name))
def test_every_module_has_a_name_of_its_own(package: Path) -> None:
    # Named after the commands, as they should be.
    commands = {FRAMEWORK / "cli", FRAMEWORK / "api"}
    names = [path.stem for path in modules(package) if path.parent not in commands]
    assert set(used_twice(names)) <= IN_EVERY_ROOM
