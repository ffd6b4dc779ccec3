"""Plugins that are installed for one test: a module, and the entry point that leads to it."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def importable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which Python finds modules and distributions while the test runs.

    Hypothesis draws some values from the literals of imported modules, but not from those below a
    folder of this name; otherwise later tests would draw other values.
    """
    folder = tmp_path / "tests"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install_plugin(
    folder: Path,
    plugin: str,
    code: str,
    *,
    module: str,
    distribution: str,
    version: str = "1.0",
    target: str = "",
    group: str = "replant.plugins",
) -> None:
    """Put a distribution with one plugin into a folder.

    Args:
        folder: where Python looks for distributions.
        plugin: the name of the entry point.
        code: of the module.
        module: its name.
        distribution: the name of the distribution.
        version: of the distribution.
        target: what the entry point names, if not the module.
        group: the group of the entry point.

    """
    (folder / f"{module}.py").write_text(code)
    information = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Name: {distribution}\nVersion: {version}\n")
    entry_point = f"{plugin} = {target or module}"
    (information / "entry_points.txt").write_text(f"[{group}]\n{entry_point}\n")
