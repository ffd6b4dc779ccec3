"""Computes the keyed hash of a value, from which every keyed mask is made."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from hashlib import sha256

from attrs import field, frozen


@frozen
class KeyedHash:
    """Hashes texts by HMAC-SHA-256, for one purpose.

    Attributes:
        purpose: what the hash is for; the same value has another hash for another purpose.
        secret: without it, nobody can compute the hash.

    """

    purpose: str
    secret: bytes = field(repr=False)

    def digest(self, text: str, part: int = 0) -> bytes:
        """Return 32 bytes; those of another part are independent of them."""
        message = f"{self.purpose}\0{part}\0{text}".encode()
        return hmac.digest(self.secret, message, sha256)

    def hexadecimal(self, text: str) -> str:
        """Return 64 hexadecimal digits."""
        return self.digest(text).hex()

    def number(self, text: str) -> int:
        """Return a whole number of 256 bits."""
        return int.from_bytes(self.digest(text), "big")

    def numbers(self, text: str) -> Iterator[int]:
        """Yield whole numbers of 32 bits without end."""
        part = 0
        while True:
            digest = self.digest(text, part)
            yield from (int.from_bytes(digest[i : i + 4], "big") for i in range(0, 32, 4))
            part += 1
