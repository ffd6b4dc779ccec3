"""The example plugin as its users have it: installed from its wheel, and found by its entry point.

`make example` does the same in an environment of its own, with replant's wheel.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import EXAMPLE, ROOT, run


@pytest.fixture(scope="module")
def installed(build: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import the plugin from; a wheel of pure Python is installed by unpacking it."""
    [wheel] = build(EXAMPLE, "--wheel").glob("*.whl")
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_its_wheel_has_one_package_with_its_schema(installed: Path) -> None:
    assert sorted(item.name for item in installed.iterdir()) == [
        "replant_notes",
        "replant_notes-1.0.0.dist-info",
    ]
    files = {file.name for file in (installed / "replant_notes").iterdir()}
    assert files >= {"plugin.py", "schema.sql", "py.typed"}


def test_its_own_tests_pass(installed: Path) -> None:
    options = ("-p", "no:cacheprovider", "-q")
    printed = run(sys.executable, "-m", "pytest", *options, cwd=EXAMPLE, path=installed)
    last = printed.splitlines()[-1]
    assert " passed" in last
    assert "skipped" not in last


def test_it_does_what_its_readme_says(installed: Path) -> None:
    script = ROOT / "tests" / "packaging" / "follow_readme.py"
    printed = run(sys.executable, "-P", script, EXAMPLE, path=installed)
    assert printed.endswith("the example does what its README says\n")
