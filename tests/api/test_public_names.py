"""What a program sees of the package: public names, typed, and the module that is the command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import replant
import replant.testing
from tests.support.type_checks import mypy_cache

PROGRAM = """
import replant

def moved(settings: replant.Settings) -> int:
    host: replant.Host = replant.Host.for_settings(settings)
    plan: replant.Plan = replant.plan(settings, host)
    done: replant.Exported = replant.export(settings, host=host)
    loaded: replant.Replayed = replant.replay(done.output, settings)
    results: tuple[replant.TableResult, ...] = replant.verify(done.output, settings)
    return plan.row_count - sum(loaded.rows.values()) + sum(r.count for r in results)
"""


def test_dir_shows_the_public_names_and_no_other() -> None:
    for package in (replant, replant.testing):
        shown = {name for name in dir(package) if not name.startswith("__")}
        assert shown == {*package.__all__} - {"__version__"}
        assert all(hasattr(package, name) for name in shown)


def test_what_the_functions_return_has_types(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "mypy.ini").write_text("[mypy]\nstrict = true\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", mypy_cache("strict"), "program.py"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout


def test_the_module_is_the_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "replant", "--version"],
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    assert replant.__version__ in told.stdout
