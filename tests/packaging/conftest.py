"""The distributions, built once as `make wheel` builds them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from tests.support.type_checks import mypy_cache

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "replant-notes"


@frozen
class Distributions:
    """What a build left."""

    sdist: Path
    wheel: Path


def run(*command: str | Path, cwd: Path | None = None, path: Path | None = None) -> str:
    """What the command prints; a failure shows it."""
    # Nothing of the caller's, so that what is not installed cannot be imported by accident.
    # Where CI is set, Hypothesis draws the same each time.
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "CI": "true"}
    environment["MYPY_CACHE_DIR"] = str(mypy_cache("projects"))
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Build what a folder holds into a new folder, without the network."""

    def build(source: Path, *options: str) -> Path:
        folder = tmp_path_factory.mktemp("dist")
        run(sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", folder, source)
        return folder

    return build


@pytest.fixture(scope="session")
def distributions(build: Callable[..., Path]) -> Distributions:
    """The sdist, and the wheel that is built from the sdist."""
    folder = build(ROOT)
    [sdist], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Distributions(sdist, wheel)
