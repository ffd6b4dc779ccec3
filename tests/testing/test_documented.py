"""The reference of `replant.testing`: its examples run, and it names what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from replant import testing
from replant.testing import Conformance, FormatConformance, StrategyConformance
from tests.docs.documents import ROOT

TEXT = (ROOT / "docs" / "reference" / "testing.md").read_text("utf-8")

#: Of each check that draws rows; what it finds is looked for elsewhere.
ONE_EXAMPLE = """
import hypothesis
hypothesis.settings.register_profile("one", max_examples=25, derandomize=True)
hypothesis.settings.load_profile("one")
"""


def test_its_examples_pass(tmp_path: Path) -> None:
    examples = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert len(examples) == 5
    for number, example in enumerate(examples):
        (tmp_path / f"test_{number}.py").write_text(example)
    (tmp_path / "conftest.py").write_text(ONE_EXAMPLE)
    options = ("-q", "-p", "no:cacheprovider", "-W", "error")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout


def test_it_names_every_test_of_the_suite() -> None:
    suites = (Conformance, StrategyConformance, FormatConformance)
    tests = {name for suite in suites for name in vars(suite) if name.startswith("test_")}
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) >= {
        name.removeprefix("test_") for name in tests
    }


def test_it_names_every_public_name() -> None:
    assert [name for name in testing.__all__ if not re.search(rf"\b{name}\b", TEXT)] == []


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in testing.__all__ if not hasattr(testing, name)] == []
