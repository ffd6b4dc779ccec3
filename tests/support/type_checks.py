"""What mypy found out about replant, kept for the next program that it checks."""

from __future__ import annotations

import os
from pathlib import Path

_KEPT = Path(__file__).parents[2] / ".mypy_cache" / "of_tests"


def mypy_cache(options: str) -> Path:
    """A folder for checks with the same options; to check replant anew takes mypy 5 s.

    Each worker has its own, since two mypys would wait for each other.
    """
    return _KEPT / options / os.environ.get("PYTEST_XDIST_WORKER", "alone")
