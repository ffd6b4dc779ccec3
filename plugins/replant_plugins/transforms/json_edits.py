"""Replaces values within the text of JSON, and keeps every other character of it.

So a `json` keeps its spaces, the order of its keys, keys that stand in it twice, and numbers as
they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import frozen

from replant_plugins.transforms.json_paths import Any, JsonPath, Step

#: Gets a value that is neither NULL nor has others in it, as JSON; returns what replaces it.
Change = Callable[[str], str]

_SPACE = re.compile(r"[ \t\n\r]*")

# What is skipped is read by the C scanner; no number is made of what has thousands of digits.
_SKIPPED = json.JSONDecoder(parse_int=str, parse_float=str)


@frozen
class Edit:
    """What happens to the values at a path.

    Attributes:
        path: the path.
        change: replaces each value that has no others in it; None lets it be.
        whole: what takes the place of a value with all that is in it, instead.

    """

    path: JsonPath
    change: Change | None = None
    whole: str | None = None


#: The steps that are left to the values of an edit.
_Left = tuple[Sequence[Step], Edit]


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Replace values in a text of JSON; where two paths lead to a value, the first counts."""
    walk = _Walk(text)
    walk.value(walk.after_space(0), [(edit.path.steps, edit) for edit in edits])
    return walk.result()


class _Walk:
    """Goes through a text once; collects what is replaced."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[str] = []
        self._done = 0

    def result(self) -> str:
        return "".join(self._parts) + self._text[self._done :]

    def after_space(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found is not None
        return found.end()

    def value(self, at: int, paths: Iterable[_Left]) -> int:
        """Go through the value that begins at a place; return where it ends."""
        opening = self._text[at]
        left = list(_reached(paths, in_array=opening == "["))
        edit = next((edit for steps, edit in left if not steps), None)
        if edit is not None and (edit.whole is not None or edit.change is None):
            end = self._end(at)
            if edit.whole is not None and self._text[at:end] != "null":
                self._replace(at, end, edit.whole)
            return end
        if edit is not None:
            left = [((), edit)]
        if left and opening == "{":
            return self._object(at, left)
        if left and opening == "[":
            return self._array(at, left)
        end = self._end(at)
        if edit is not None and edit.change is not None and self._text[at:end] != "null":
            self._replace(at, end, edit.change(self._text[at:end]))
        return end

    def _end(self, at: int) -> int:
        return _SKIPPED.raw_decode(self._text, at)[1]

    def _replace(self, at: int, end: int, new: str) -> None:
        self._parts += (self._text[self._done : at], new)
        self._done = end

    def _object(self, at: int, left: Sequence[_Left]) -> int:
        at = self.after_space(at + 1)
        while self._text[at] != "}":
            key, end = _SKIPPED.raw_decode(self._text, at)
            colon = self.after_space(end)
            end = self.value(self.after_space(colon + 1), _below_key(left, key))
            at = self._next(end)
        return at + 1

    def _array(self, at: int, left: Sequence[_Left]) -> int:
        at, place = self.after_space(at + 1), 0
        while self._text[at] != "]":
            end = self.value(at, _below_place(left, place))
            at, place = self._next(end), place + 1
        return at + 1

    def _next(self, end: int) -> int:
        """Return where the next member begins, or where the bracket is that closes them."""
        at = self.after_space(end)
        return self.after_space(at + 1) if self._text[at] == "," else at


def _reached(paths: Iterable[_Left], *, in_array: bool) -> Iterator[_Left]:
    """Yield the paths, and again those of which a step leads nowhere else than to this value.

    What is no array is taken for one with a single element, as in lax mode.
    """
    for steps, edit in paths:
        yield steps, edit
        if steps and (steps[0] is Any.DEPTH or (not in_array and steps[0] in (Any.ELEMENT, 0))):
            yield from _reached([(steps[1:], edit)], in_array=in_array)


def _below_key(left: Iterable[_Left], key: str) -> Iterator[_Left]:
    for steps, edit in left:
        if not steps or steps[0] is Any.DEPTH:
            yield steps, edit
        elif steps[0] is Any.KEY or steps[0] == key:
            yield steps[1:], edit


def _below_place(left: Iterable[_Left], place: int) -> Iterator[_Left]:
    """Yield what is left for an element; a key means that of each element, as in lax mode."""
    for steps, edit in left:
        if not steps or isinstance(steps[0], str) or steps[0] in (Any.DEPTH, Any.KEY):
            yield steps, edit
        elif steps[0] is Any.ELEMENT or steps[0] == place:
            yield steps[1:], edit
