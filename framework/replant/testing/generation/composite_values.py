"""Draws texts of arrays, composites, ranges and multiranges, from the texts of their parts.

The rules are those of the PostgreSQL manual: "Array Input and Output Syntax", "Composite Type Input
and Output Syntax", "Range Types". Needs the package `hypothesis`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from replant.model import Text


@st.composite
def array_texts(
    draw: DrawFn,
    elements: SearchStrategy[str],
    *,
    min_size: int = 0,
    max_size: int = 3,
    nulls: bool = True,
    dimensions: int = 1,
    delimiter: str = ",",
) -> str:
    """Draw arrays, now and then with a lower bound other than 1.

    Args:
        draw: supplied by Hypothesis.
        elements: the texts of the elements.
        min_size: the least number of elements.
        max_size: the greatest of one dimension.
        nulls: whether elements may be NULL.
        dimensions: how many dimensions an array may have, 1 or 2.
        delimiter: `pg_type.typdelim` of the elements' type.

    """
    kinds: SearchStrategy[Text] = elements | st.none() if nulls else elements
    items = draw(st.lists(kinds, min_size=min_size, max_size=max_size))
    if not items:
        return "{}"
    start = draw(st.sampled_from((1, 1, 1, 0, -2)))
    lists = [items]
    if dimensions > 1 and draw(st.booleans()):
        lists.append(draw(st.lists(kinds, min_size=len(items), max_size=len(items))))
    bounds = f"[{start}:{start + len(items) - 1}]"
    texts = [array_text(each, delimiter) for each in lists]
    if len(texts) == 1:
        return texts[0] if start == 1 else f"{bounds}={texts[0]}"
    whole = "{" + delimiter.join(texts) + "}"
    return whole if start == 1 else f"[0:1]{bounds}={whole}"


def array_text(items: Sequence[Text], delimiter: str = ",") -> str:
    """Write an array: every element in quotes, None as NULL."""
    return "{" + delimiter.join("NULL" if i is None else quoted(i) for i in items) + "}"


def composite_texts(fields: Sequence[SearchStrategy[Text]]) -> SearchStrategy[str]:
    """Draw values of a composite type whose fields have these texts."""
    return st.tuples(*fields).map(composite_text)


def composite_text(fields: Sequence[Text]) -> str:
    """Write a composite value: every field in quotes, nothing for None."""
    return "(" + ",".join("" if field is None else quoted(field) for field in fields) + ")"


def range_texts(
    bounds: SearchStrategy[str], order: Callable[[str], Any] | None = None
) -> SearchStrategy[str]:
    """Draw ranges whose bounds have these texts.

    Args:
        bounds: the texts of the subtype's values.
        order: the subtype's order, as a key of the texts; where it is not known, no range has two
            bounds that differ.

    """
    special = st.sampled_from(("empty", "(,)"))
    below, above = st.sampled_from("[("), st.sampled_from("])")
    half = st.tuples(below, bounds).map(lambda p: f"{p[0]}{quoted(p[1])},)")
    other = st.tuples(bounds, above).map(lambda p: f"(,{quoted(p[0])}{p[1]}")
    single = bounds.map(lambda b: f"[{quoted(b)},{quoted(b)}]")
    if order is None:
        return st.one_of(special, half, other, single)
    pairs = st.tuples(bounds, bounds).map(lambda p: sorted(p, key=order))
    both = st.tuples(below, pairs, above).map(
        lambda p: f"{p[0]}{quoted(p[1][0])},{quoted(p[1][1])}{p[2]}"
    )
    return st.one_of(special, half, other, single, both)


def multirange_texts(ranges: SearchStrategy[str]) -> SearchStrategy[str]:
    """Draw multiranges of a few ranges, in any order; PostgreSQL sorts and joins them."""
    return st.lists(ranges, max_size=3).map(lambda texts: "{" + ",".join(texts) + "}")


def quoted(text: str) -> str:
    """Quote a text inside the text of another value, so that it holds nothing but itself."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
