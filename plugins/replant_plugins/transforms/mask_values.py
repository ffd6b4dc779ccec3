"""Makes the masks that need the secret, each a function of a value and its keyed hash alone."""

from __future__ import annotations

import re
import string
from datetime import date, timedelta
from decimal import Decimal, localcontext
from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

from replant_plugins.transforms.keyed_hash import KeyedHash

#: Reserved for examples and documentation, so no mask is anybody's (RFC 2606, RFC 3849).
_EMAIL_END = "@example.invalid"
_URL_START = "https://example.invalid/"
_IPV6_START = bytes.fromhex("20010db8")

#: 20 hexadecimal digits are 80 bits: among a million values, two meet once in 10**12 times.
_DIGITS = 20
SHORTEST_EMAIL = len(_EMAIL_END) + _DIGITS
SHORTEST_URL = len(_URL_START) + _DIGITS
LONGEST_UUID = 36
LONGEST_IP = 39
LONGEST_HASH = 32

_DATE = re.compile(
    r"(?P<year>\d{4,7})-(?P<month>\d\d)-(?P<day>\d\d)(?P<rest>.*?)(?P<before> BC)?", re.DOTALL
)

#: Year, month and day; the year 0 is 1 BC.
_Day = tuple[int, int, int]

#: The days that PostgreSQL has, of `date` and of timestamps (manual, "Date/Time Types").
_FIRST, _LAST_DATE, _LAST_TIME = (-4713, 11, 24), (5_874_897, 12, 31), (294_276, 12, 31)

_IBAN = re.compile(r"([A-Z]{2})\d\d([A-Z0-9 ]{8,})")


def hashed(text: str, key: KeyedHash) -> str:
    """Return hexadecimal digits, as many as 128 bits have."""
    return key.hexadecimal(text)[:LONGEST_HASH]


def email(text: str, key: KeyedHash) -> str:
    """Return an address in a domain that cannot exist."""
    return key.hexadecimal(text)[:_DIGITS] + _EMAIL_END


def url(text: str, key: KeyedHash) -> str:
    """Return an address of a host that cannot exist."""
    return _URL_START + key.hexadecimal(text)[:_DIGITS]


def uuid(text: str, key: KeyedHash) -> str:
    """Return a UUID of version 4."""
    return str(UUID(bytes=key.digest(text)[:16], version=4))


def ip(text: str, key: KeyedHash) -> str:
    """Return an address of a private network, or for IPv6 of the one for documentation."""
    digest = key.digest(text)
    if ":" in text:
        return str(IPv6Address(_IPV6_START + digest[:12]))
    return str(IPv4Address(b"\x0a" + digest[:3]))


def digits(text: str, key: KeyedHash) -> str:
    """Replace each digit by a digit and each letter by a letter; the format stays."""
    return "".join(map(_replaced, text, key.numbers(text)))


def _replaced(character: str, number: int) -> str:
    if character.isdigit():
        return string.digits[number % 10]
    if character.isalpha():
        letters = string.ascii_uppercase if character.isupper() else string.ascii_lowercase
        return letters[number % 26]
    return character


def card(text: str, key: KeyedHash) -> str:
    """Replace the digits, and make the last one the check digit of Luhn's rule."""
    masked = digits(text, key)
    places = [place for place, character in enumerate(masked) if character.isdigit()]
    if not places:
        return masked
    last = places[-1]
    check = _luhn_digit([int(masked[place]) for place in places[:-1]])
    return f"{masked[:last]}{check}{masked[last + 1 :]}"


def _luhn_digit(numbers: list[int]) -> int:
    doubled = [2 * n if place % 2 == 0 else n for place, n in enumerate(reversed(numbers))]
    return -sum(n // 10 + n % 10 for n in doubled) % 10


def iban(text: str, key: KeyedHash) -> str:
    """Keep country and format, and make the check digits right; other text as `digits`."""
    parts = _IBAN.fullmatch(text)
    if parts is None:
        return digits(text, key)
    country, rest = parts[1], digits(parts[2], key)
    bare = "".join(rest.split()) + country + "00"
    check = 98 - int("".join(str(int(character, 36)) for character in bare)) % 97
    return f"{country}{check:02}{rest}"


def shifted_date(text: str, distance: int) -> str:
    """Move a date or time by so many days; the time of day stays, and infinity too.

    It moves the other way where PostgreSQL has no such date any more.

    Raises:
        ValueError: it is not a date.

    """
    if text in {"infinity", "-infinity"}:
        return text
    parts = _DATE.fullmatch(text)
    if parts is None:
        raise ValueError("it is not a date, which alone can be shifted")
    last = _LAST_TIME if parts["rest"] else _LAST_DATE
    moved = _moved(parts, distance)
    if not _FIRST <= moved <= last:
        moved = _moved(parts, -distance)
    year, month, day = moved
    shown = year if year > 0 else 1 - year
    return f"{shown:04}-{month:02}-{day:02}{parts['rest']}{'' if year > 0 else ' BC'}"


def _moved(parts: re.Match[str], distance: int) -> _Day:
    """Count on; Python has the years 1 to 9999, but days and months come again in 400 years."""
    written = int(parts["year"])
    cycles, within = divmod((1 - written if parts["before"] else written) - 1, 400)
    day = date(2001 + within, int(parts["month"]), int(parts["day"])) + timedelta(days=distance)
    return day.year - 2000 + 400 * cycles, day.month, day.day


def shift_of(owner: str, key: KeyedHash, days: int) -> int:
    """Return by how many days the dates of an owner move: 1 to `days`, back or forth."""
    number = key.number(owner)
    return (1 + number % days) * (1 if number >> 128 & 1 else -1)


def noisy_number(text: str, key: KeyedHash, percent: int) -> str:
    """Bring a number nearer to zero by at most so many percent; it has as many decimals as before.

    It never grows, so it fits where the value did.
    """
    value = Decimal(text)
    if not value.is_finite():
        return text
    share = Decimal(key.number(text) % 10**6) / 10**6
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    with localcontext(prec=len(text) + 20):
        changed = value * (1 - share * percent / 100)
        rounded = changed.quantize(Decimal(1).scaleb(exponent))
    return format(rounded if rounded else abs(rounded), "f")
