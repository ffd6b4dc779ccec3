"""Servers as npm unpacks them become folders that run: `python -m tests.versions.unpack FOLDER`.

Under `FOLDER/node_modules` lie packages such as `postgresql-15`; in comes each one's `native`, out
goes `FOLDER/15`. A package of npm holds no symbolic links, so it lists those between its libraries
in a file, which is followed here rather than by running its own script.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def unpack(folder: Path) -> None:
    """Make a folder for each major version, in place of one that is there."""
    for package in sorted((folder / "node_modules").glob("postgresql-*")):
        for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
            source, target = package / link["source"], package / link["target"]
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(source, target.parent))
        version = folder / package.name.removeprefix("postgresql-")
        version.unlink(missing_ok=True)
        version.symlink_to(os.path.relpath(package / "native", folder))


if __name__ == "__main__":
    unpack(Path(sys.argv[1]))
