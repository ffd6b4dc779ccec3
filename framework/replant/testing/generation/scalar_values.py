"""Draws texts of PostgreSQL's scalar types: times, networks, shapes and others.

Each text is the only one for its value, unless it is said otherwise. Needs the package
`hypothesis`.
"""

from __future__ import annotations

from datetime import date, datetime
from ipaddress import ip_network

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from replant.testing.generation.text_values import floats, integers, texts

# PostgreSQL's calendar goes further than Python's on both sides.
_EARLIEST, LAST_DATE = "4714-11-24", "5874897-12-31"
_LAST_MOMENT = "294276-12-31 23:59:59.999999"
_ENDLESS = st.sampled_from(("infinity", "-infinity"))


def dates() -> SearchStrategy[str]:
    """Draw dates from 4714 BC on, and the infinite ones."""
    before = st.dates(max_value=date.fromisoformat(_EARLIEST)).map("{} BC".format)
    last = st.sampled_from((f"{_EARLIEST} BC", LAST_DATE))
    return st.one_of(st.dates().map(str), _ENDLESS, before.filter(_is_no_leap_day), last)


def timestamps() -> SearchStrategy[str]:
    """Draw moments of any year, to the microsecond, and the infinite ones."""
    before = st.datetimes(max_value=datetime.fromisoformat(_EARLIEST)).map("{} BC".format)
    last = st.sampled_from((f"{_EARLIEST} 00:00:00 BC", _LAST_MOMENT))
    return st.one_of(st.datetimes().map(str), _ENDLESS, before.filter(_is_no_leap_day), last)


def _is_no_leap_day(text: str) -> bool:
    """Return whether a date is not 29 February of a leap year, counting years before Christ too."""
    return text[5:10] != "02-29"


def times() -> SearchStrategy[str]:
    """Draw times of the day, to the microsecond; also the end of the day."""
    return st.times().map(str) | st.just("24:00:00")


def times_with_zone() -> SearchStrategy[str]:
    """Draw times of the day with an offset of less than 16 hours."""
    seconds = st.integers(-57599, 57599) | st.sampled_from((0, 57599, -57599))
    return st.tuples(times(), seconds.map(_offset)).map("".join)


def _offset(seconds: int) -> str:
    minutes, second = divmod(abs(seconds), 60)
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def intervals() -> SearchStrategy[str]:
    """Draw intervals whose months, days and microseconds each have a sign of their own."""
    months = st.integers(-(2**31) + 1, 2**31 - 1) | st.integers(-13, 13)
    micros = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(-(10**7), 10**7)
    parts = st.tuples(months, months, micros)
    return parts.map(lambda p: f"{p[0]} mons {p[1]} days {p[2]} microseconds")


def bits(least: int, greatest: int) -> SearchStrategy[str]:
    """Draw strings of that many bits."""
    return st.text("01", min_size=least, max_size=greatest)


def bytes_in_hex(greatest: int) -> SearchStrategy[str]:
    """Draw values of `bytea` of at most so many bytes."""
    return st.binary(max_size=greatest).map(lambda b: f"\\x{b.hex()}")


def addresses() -> SearchStrategy[str]:
    """Draw hosts of either family, each with the length of its network."""
    four = st.tuples(st.ip_addresses(v=4), st.integers(0, 31))
    six = st.tuples(st.ip_addresses(v=6), st.integers(0, 127))
    return (four | six).map(lambda p: f"{p[0]}/{p[1]}")


def networks() -> SearchStrategy[str]:
    """Draw networks of either family."""
    return addresses().map(lambda text: str(ip_network(text, strict=False)))


def hardware_addresses(length: int) -> SearchStrategy[str]:
    """Draw addresses of 6 or 8 bytes."""
    return st.binary(min_size=length, max_size=length).map(lambda b: b.hex(":"))


def points() -> SearchStrategy[str]:
    """Draw points; -0 and 0 are two texts of the same."""
    return st.tuples(floats(64), floats(64)).map(lambda p: f"({p[0]},{p[1]})")


def shapes(form: str, least: int, greatest: int) -> SearchStrategy[str]:
    """Draw shapes of so many points.

    Args:
        form: what stands around the points: `({})`, `[{}]`, or `{}`.
        least: the least number of points.
        greatest: the greatest.

    """
    return st.lists(points(), min_size=least, max_size=greatest).map(
        lambda found: form.format(",".join(found))
    )


def circles() -> SearchStrategy[str]:
    """Draw circles; no radius is negative."""
    radii = st.floats(min_value=0, allow_nan=False).map(repr).map(lambda t: t.replace("inf", "1e9"))
    return st.tuples(points(), radii).map(lambda p: f"<{p[0]},{p[1]}>")


def lines() -> SearchStrategy[str]:
    """Draw lines `{A,B,C}`, where A and B are not both zero."""
    return st.tuples(floats(64), floats(64)).map(lambda p: f"{{1,{p[0]},{p[1]}}}")


def search_vectors() -> SearchStrategy[str]:
    """Draw lexemes of any characters, with positions and weights, which PostgreSQL sorts."""
    places = st.lists(
        st.tuples(st.integers(1, 16383).map(str), st.sampled_from("ABCD")).map("".join), max_size=3
    )
    lexemes = st.tuples(texts(min_size=1), places).map(
        lambda p: _lexeme(p[0]) + (":" + ",".join(p[1]) if p[1] else "")
    )
    return st.lists(lexemes, max_size=3).map(" ".join)


def search_queries() -> SearchStrategy[str]:
    """Draw queries of lexemes of any characters, nested a few levels deep."""
    endings = st.sampled_from(("", ":*", ":A", ":*BCD"))
    lexemes = st.tuples(texts(min_size=1).map(_lexeme), endings).map("".join)

    def nested(inner: SearchStrategy[str]) -> SearchStrategy[str]:
        operators = st.sampled_from((" & ", " | ", " <-> ", " <16384> "))
        pairs = st.tuples(inner, operators, inner).map(lambda p: f"({p[0]}){p[1]}({p[2]})")
        return pairs | inner.map("!({})".format)

    return st.recursive(lexemes, nested, max_leaves=4)


def _lexeme(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def log_positions() -> SearchStrategy[str]:
    """Draw values of `pg_lsn`."""
    return st.integers(0, 2**64 - 1).map(lambda n: f"{n >> 32:X}/{n & 0xFFFFFFFF:X}")


def row_places() -> SearchStrategy[str]:
    """Draw values of `tid`."""
    parts = st.tuples(integers(32, signed=False), integers(16, signed=False))
    return parts.map(lambda p: f"({p[0]},{p[1]})")


def vectors(bits_of_each: int, *, signed: bool) -> SearchStrategy[str]:
    """Draw values of `int2vector` and `oidvector`."""
    return st.lists(integers(bits_of_each, signed=signed), max_size=4).map(" ".join)


def snapshots() -> SearchStrategy[str]:
    """Draw values of `pg_snapshot`: xmin, xmax and the transactions in progress, in order.

    A number's lower half is never zero: that is no transaction.
    """
    odd = st.integers(0, 2**61).map(lambda n: 2 * n + 1)
    numbers = st.lists(odd, min_size=2, max_size=5, unique=True).map(sorted)
    return numbers.map(lambda n: f"{n[0]}:{n[-1]}:{','.join(map(str, n[:-1]))}")
