"""Reads paths into JSON, written as PostgreSQL writes them: `$.contacts[*]."home page"`."""

from __future__ import annotations

import json
import re
from enum import Enum

from attrs import frozen


class Any(Enum):
    """A step to more than one value."""

    KEY = ".*"
    ELEMENT = "[*]"
    #: The value itself and everything below it.
    DEPTH = ".**"


#: A key, the place of an element, or any of them.
Step = str | int | Any

_STEP = re.compile(
    r"""(?P<any>\.\*\*|\.\*|\[\*\])
    | \.(?P<key>[^\W\d][\w$]*)
    | \.(?P<quoted>"(?:[^"\\]|\\.)*")
    | \[(?P<place>\d+)\]""",
    re.VERBOSE | re.DOTALL,
)

#: Between a column or type and the path into it.
_BORDER = re.compile(r"\.(?=\$(?:[.\[]|\Z))")


@frozen
class JsonPath:
    """A path into a JSON value, in the lax mode of PostgreSQL's `jsonpath`.

    Attributes:
        text: as it is written.
        steps: from the whole value on.

    """

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> JsonPath:
        """Read a path.

        Raises:
            ValueError: it is not one, or has what only a query would need, such as a filter.

        """
        steps: list[Step] = []
        at = 1
        while at < len(text):
            found = _STEP.match(text, at)
            if found is None:
                raise ValueError(
                    f"{text!r} is not a path from {text[at:]!r} on; a path is such as $.key, "
                    f'$."two words", $.*, $.**, $.list[*] and $.list[0]'
                )
            steps.append(_step(found))
            at = found.end()
        return cls(text, tuple(steps))

    def __str__(self) -> str:
        """Write the path."""
        return self.text


def _step(found: re.Match[str]) -> Step:
    if found["any"]:
        return Any(found["any"])
    if found["place"]:
        return int(found["place"])
    if found["key"]:
        return found["key"]
    try:
        key: str = json.loads(found["quoted"])
    except ValueError as error:
        raise ValueError(f"{found['quoted']} is not a string of JSON") from error
    return key


def split_path(text: str) -> tuple[str, JsonPath | None]:
    """Split `settings.$.token` into what stands before the path, and the path if there is one.

    Raises:
        ValueError: the path is not one.

    """
    border = _BORDER.search(text)
    if border is None:
        return text, None
    return text[: border.start()], JsonPath.parse(text[border.end() :])
