"""Says how many bytes an artifact takes where it lies."""

from __future__ import annotations

from pathlib import Path

from replant.artifact.artifact import STANDARD_INPUT
from replant.artifact.stores import is_url, size_in_store


def artifact_size(artifact: str) -> int | None:
    """Return the bytes of a file, or of all files of a directory or URL; None for a stream."""
    if is_url(artifact):
        return size_in_store(artifact)
    path = Path(artifact)
    if artifact == STANDARD_INPUT or not path.exists():
        return None
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
