"""What counts as a row in an artifact: literals, and nothing that could be anything else."""

from __future__ import annotations

import pytest

from replant.sql.row_text import is_row, line, on_one_line, sum_of_hashes, texts


@pytest.mark.parametrize(
    "text",
    [
        rb"('a')",
        rb"('a', NULL, 'it''s')",
        rb"(E'two\\nlines', E'C:\\\\', '')",
        "('漢', '\u202e')".encode(),
    ],
)
def test_literals_are_a_row(text: bytes) -> None:
    assert is_row(text, len(texts(text)))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"()",
        b"(1)",
        b"('a'",
        b"('a'))",
        b"('a', now())",
        b"('a'); DROP TABLE t; --')",
        b"('a'::text)",
        b"(E'\\'')",
        b"('a\\')",
        b"(E'\\x41')",
        b"('two\nlines')",
        b"('a\x00b')",
        b"('\xff')",
        b"(null)",
        b"('a','b')",
        b"($$a$$)",
    ],
)
def test_anything_else_is_none(text: bytes) -> None:
    assert not any(is_row(text, width) for width in (1, 2, 3))


def test_a_row_has_as_many_literals_as_columns() -> None:
    assert is_row(b"('a', 'b')", 2)
    assert not is_row(b"('a', 'b')", 1)
    assert not is_row(b"('a', 'b')", 3)


def test_text_that_is_no_row_is_refused_in_no_time() -> None:
    assert not is_row(b"(" + b"'" * 1_000_001, 1)
    assert not is_row(b"('" + b"a''" * 300_000, 1)


def test_a_line_break_inside_a_value_becomes_an_escape_and_comes_back() -> None:
    values = ("a\r\nb", "no break", None, "back\\slash\n")
    written = on_one_line(line(values))
    assert written == rb"(E'a\r\nb', 'no break', NULL, E'back\\slash\n')"
    assert texts(written) == values


def test_the_hash_of_a_row_is_the_head_of_its_sha_256() -> None:
    # printf "('a')" | sha256sum | head -c 16
    assert sum_of_hashes([b"('a')"]) == HASH_OF_A
    assert sum_of_hashes([b"('a')", b"('a')"]) == 2 * HASH_OF_A


HASH_OF_A = 0x88C21621E3E8BBA0
