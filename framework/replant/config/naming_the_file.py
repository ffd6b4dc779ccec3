"""Names the configuration's file in what is found wrong with it later than it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from replant.errors import ConfigurationError
from replant.model import Settings

#: A path in the configuration, such as `plugins.schemas.roots[0]`.
_SETTING = re.compile(r"(?:source|target|scope|plugins|export|tables)[.\[].*")


@contextmanager
def naming_the_file(settings: Settings) -> Iterator[None]:
    """Put the file's name before each mistake of it that is found later than it was read.

    Raises:
        ConfigurationError: as the block raises it, with the name.

    """
    try:
        yield
    except ConfigurationError as error:
        lines = str(error).splitlines()
        raise type(error)("\n".join(_located(line, settings) for line in lines)) from error


def _located(line: str, settings: Settings) -> str:
    """Name the file, if the line is about what it says and no option says in its place."""
    path = line.partition(":")[0]
    said = any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in settings.options)
    is_path = _SETTING.fullmatch(path) is not None
    return f"{settings.file}: {line}" if settings.file and is_path and not said else line
