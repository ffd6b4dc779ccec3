"""Makes folders for throw-away servers, on the fastest file system."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Where Linux keeps files in memory. Creating a database there took 0.03 s, and 0.29 s on the disk
#: of the same machine.
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it, for its owner alone

#: Bytes that must be free there; a container often has 64 MB.
_ROOM = 2 << 30


@contextmanager
def scratch_folder(*, on_disk: bool = False) -> Iterator[Path]:
    """Make a folder that is deleted at the end.

    It lies in memory where there is room for files, unless TMPDIR says where temporary files go.

    Args:
        on_disk: whether it lies where other temporary files do in any case.

    """
    where = None if on_disk else _in_memory()
    folder = Path(tempfile.mkdtemp(prefix="replant-", dir=where))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> Path | None:
    if not sys.platform.startswith("linux") or os.environ.get("TMPDIR"):
        return None
    if not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return None
    return _IN_MEMORY if shutil.disk_usage(_IN_MEMORY).free >= _ROOM else None
