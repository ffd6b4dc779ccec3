"""How property tests draw their examples: the same in every run, or new ones for `make fuzz`.

The profile `repeatable` is that of `make test`: a change is judged by what it changes. The profile
`fuzz` draws from a seed of its own, and `FUZZ_EXAMPLES` says how many.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shlex
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck

import replant
import replant_plugins

REPEATABLE, FUZZ = "repeatable", "fuzz"

#: Of a test that does not say how many, in `make test`.
_USUAL = 100

#: How many `make fuzz` tries, in the place of 100 of `make test`.
_VARIABLE = "FUZZ_EXAMPLES"
_LONG = 1000

# A real server takes the time it takes, and on a machine that does much else, more of it.
_COMMON: dict[str, Any] = {
    "deadline": None,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
hypothesis.settings.register_profile(REPEATABLE, derandomize=True, max_examples=_USUAL, **_COMMON)
hypothesis.settings.register_profile(
    FUZZ, max_examples=int(os.environ.get(_VARIABLE) or _LONG), **_COMMON
)
hypothesis.settings.load_profile(REPEATABLE)


def example_count(usual: int) -> int:
    """How many examples a test tries: `usual` in `make test`, and in `make fuzz` as much more."""
    return max(1, usual * hypothesis.settings().max_examples // _USUAL)


def _import_all_modules() -> None:
    """Import all of replant now.

    Hypothesis draws some values from the literals of the modules that are imported. If these were
    those that the tests before happened to import, the order of tests would change the examples.
    """
    for package in (replant, replant_plugins):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)


_import_all_modules()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print for each test that failed in `make fuzz` the command that repeats it."""
    seed = config.getoption("--hypothesis-seed")
    if hypothesis.settings.get_current_profile_name() != FUZZ or seed is None:
        return
    failed = terminalreporter.getreports("failed") + terminalreporter.getreports("error")
    if not failed:
        return
    terminalreporter.section("to repeat a failure")
    chosen = f"FUZZ_SEED={seed} {_VARIABLE}={hypothesis.settings().max_examples}"
    for test in dict.fromkeys(report.nodeid for report in failed):
        terminalreporter.write_line(f"make fuzz {chosen} FUZZ_TESTS={shlex.quote(test)}")
