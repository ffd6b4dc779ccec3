"""The example formats as their users have them: installed from their wheel, and read back."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.packaging.conftest import ROOT, run

EXAMPLE = ROOT / "docs" / "examples" / "replant-tables"


def test_csv_and_parquet_pass_their_own_tests(build: Callable[..., Path], tmp_path: Path) -> None:
    [wheel] = build(EXAMPLE, "--wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    options = ("-p", "no:cacheprovider", "-q")
    printed = run(sys.executable, "-m", "pytest", *options, cwd=EXAMPLE, path=tmp_path)
    last = printed.splitlines()[-1]
    assert " passed" in last
    assert "skipped" not in last
