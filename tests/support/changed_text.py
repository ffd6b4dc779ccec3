"""Texts, some characters of which are replaced by what might break out of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy


def changed_text(draw: DrawFn, text: str, pieces: SearchStrategy[str]) -> str:
    """The text with up to three pieces, each in the place of up to three characters."""
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 3)))
        text = text[:start] + draw(pieces) + text[end:]
    return text
