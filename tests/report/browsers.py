"""Finds a browser for tests, and opens pages in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

from tests.docs.documents import ROOT

#: Where `make browser` puts one, with libraries and fonts that the machine may lack.
_FETCHED = ROOT / "build/browser/unpacked"
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

#: The tests may run as root, and where a sandbox or shared memory is not to be had.
_ARGUMENTS = ("--no-sandbox", "--no-zygote", "--in-process-gpu", "--font-render-hinting=none")


def find_browser() -> Path | None:
    """Return a Chromium that starts: of REPLANT_TEST_BROWSER, of `make browser`, or installed."""
    said = os.environ.get("REPLANT_TEST_BROWSER")
    installed = (shutil.which(name) for name in _NAMES)
    for place in (said, _FETCHED / "chromium", *installed):
        if place is not None and Path(place).is_file() and _starts(Path(place)):
            return Path(place)
    return None


def _starts(browser: Path) -> bool:
    environment = {**os.environ, **_libraries(browser)}
    said = subprocess.run([browser, "--version"], env=environment, capture_output=True, check=False)
    return said.returncode == 0


def _libraries(browser: Path) -> dict[str, str]:
    """Let a fetched browser use its own libraries where the machine has not all."""
    if browser.parent != _FETCHED:
        return {}
    linked = subprocess.run(["ldd", browser], capture_output=True, text=True, check=False)
    return {"LD_LIBRARY_PATH": str(_FETCHED / "lib")} if "not found" in linked.stdout else {}


@contextmanager
def browsing(browser: Path, profile: Path, **options: Any) -> Iterator[BrowserContext]:
    """Start a browser without a window."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=browser,
            args=list(_ARGUMENTS),
            env=_environment(browser, profile),
            bypass_csp=True,
            viewport={"width": 1400, "height": 1000},
            **options,
        )
        try:
            yield context
        finally:
            context.close()


def _environment(browser: Path, folder: Path) -> dict[str, str | float | bool]:
    """Give a fetched browser its own fonts, and its own libraries where the machine has not all."""
    environment: dict[str, str | float | bool] = {**os.environ, **_libraries(browser)}
    if browser.parent == _FETCHED:
        fonts = folder / "fonts.conf"
        fonts.write_text(_FONTS.format(fonts=_FETCHED / "fonts", cache=folder / "font-cache"))
        environment["FONTCONFIG_FILE"] = str(fonts)
    return environment
