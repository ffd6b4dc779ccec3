"""Compresses bytes on their way to a file, and decompresses those of a file."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import BinaryIO, Protocol, cast

import zstandard

from replant.errors import ArtifactError
from replant.model import Compression

#: What stands behind the name of a file.
ENDINGS = {Compression.NONE: "", Compression.GZIP: ".gz", Compression.ZSTD: ".zst"}

#: The first bytes of what is compressed (RFC 1952, RFC 8878).
_MAGIC = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}

#: gzip gains little above 6, and zstd's 3 is both faster and smaller than that.
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3

#: A thread compresses beside the one that reads rows, in pieces of so many bytes. The bytes are the
#: same with any number of threads, if there is one.
_ZSTD_JOB = 1 << 20


class Writer(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Write all of the bytes."""


def compression_of_name(name: str) -> Compression:
    """Return the compression that the ending of a name asks for."""
    ending = PurePath(name).suffix
    return next((one for one, known in ENDINGS.items() if known == ending), Compression.NONE)


def compression_of(file: BinaryIO) -> Compression:
    """Look at the first bytes of a file that can be read from any place, and go back to them."""
    start = file.tell()
    head = file.read(max(map(len, _MAGIC)))
    file.seek(start)
    found = (one for magic, one in _MAGIC.items() if head.startswith(magic))
    return next(found, Compression.NONE)


@contextmanager
def compressed(out: Writer, compression: Compression) -> Iterator[Writer]:
    """Compress what is written on its way to `out`, with no time and no name in the header."""
    if compression is Compression.NONE:
        yield out
        return
    raw = cast("BinaryIO", _Raw(out))
    if compression is Compression.GZIP:
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as stream:
            yield stream
    else:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            _ZSTD_LEVEL, threads=1, job_size=_ZSTD_JOB, write_checksum=True
        )
        compressor = zstandard.ZstdCompressor(compression_params=parameters)
        with compressor.stream_writer(raw, closefd=False) as stream:
            yield stream


@contextmanager
def decompressed(file: BinaryIO, compression: Compression, origin: str) -> Iterator[BinaryIO]:
    """Decompress what is read from a file.

    Raises:
        ArtifactError: it is not what was compressed; names the origin.

    """
    try:
        match compression:
            case Compression.NONE:
                yield file
            case Compression.GZIP:
                with gzip.GzipFile(fileobj=file) as stream:
                    yield cast("BinaryIO", stream)
            case Compression.ZSTD:
                reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
                yield cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", reader)))
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(
            f"{origin}: cannot be decompressed ({reason}); export it again"
        ) from error


class _Raw(io.RawIOBase):
    """A writer as compressors want one."""

    def __init__(self, out: Writer) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override] # the buffers are bytes here
        self._out.write(bytes(data))
        return len(data)
