"""Unpacks bodies in bounded pieces, so that a decompression bomb ends at the limit of its body.

Codings: gzip (several members), deflate (zlib or raw, as senders differ), br, zstd (several frames), identity.
"""

import zlib
from collections.abc import Iterator
from typing import Final, Protocol, cast

import brotli
import zstandard
from isal import isal_zlib

from app.ingest.codes import Refusal

PIECE: Final = 1 << 18
"""Bytes that one step of a decoder yields at most (br: about twice as many; zstd: see ZSTD_STEP)."""

ZSTD_STEP: Final = 256
"""Bytes fed to zstd at once. Its densest block is 128 KiB from 4 bytes (RFC 8878, 3.1.1.2): 8 MiB a step at most."""

ZSTD_WINDOW: Final = 1 << 23
"""Bytes of window that a decoder of Content-Encoding zstd must support, and no more (RFC 9659)."""

IDENTITY: Final = frozenset({"", "identity", "utf-8", "utf8"})
"""Values of Content-Encoding that name no coding: sentry-ruby 5 sends "", sentry.java.android 2 "UTF-8"."""

BROKEN: Final[tuple[type[Exception], ...]] = (
    zlib.error,
    cast("type[Exception]", isal_zlib.error),  # its types call the class an instance
    brotli.error,
    zstandard.ZstdError,
)


class Unpacker(Protocol):
    """The decoder of one body."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` unpacks to, in bounded pieces. Raises Refusal("bad_encoding")."""
        ...

    def finish(self) -> None:
        """End the body. Raises Refusal("bad_encoding") where the packed data is incomplete."""
        ...


def unpacker(encoding: str) -> Unpacker | None:
    """Return the decoder of a Content-Encoding, None for a plain body. Raises Refusal("unknown_encoding")."""
    name = encoding.strip().lower()
    if name in IDENTITY:
        return None
    if name in ("gzip", "x-gzip"):
        return Inflate(gzip=True)
    if name == "deflate":
        return Inflate(gzip=False)
    if name == "br":
        return Brotli()
    if name == "zstd":
        return Zstd()
    raise Refusal("unknown_encoding")


class Inflate:
    """Decodes gzip, and deflate with or without the zlib header (senders read RFC 9110, 8.4.1.2 both ways)."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._head = b""
        self._inner: isal_zlib.Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` unpacks to; a further gzip member is read on, zeros after the end are padding."""
        data = self._head + data
        self._head = b""
        while data:
            if self._inner is None:
                if len(data) < 2:  # noqa: PLR2004  a zlib header has two bytes
                    self._head = data
                    return
                self._inner = isal_zlib.decompressobj(wbits=self._wbits(data))
            elif self._inner.eof:
                data = data.lstrip(b"\0")
                if data and not self._gzip:
                    raise Refusal("bad_encoding")
                self._inner = None if data else self._inner
                continue
            yield _inflate(self._inner, data)
            data = self._inner.unconsumed_tail or self._inner.unused_data

    def finish(self) -> None:
        """Raise Refusal where the data ended early."""
        if self._inner is None or not self._inner.eof:
            raise Refusal("bad_encoding")

    def _wbits(self, data: bytes) -> int:
        if self._gzip:
            return 31
        zlib_header = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # noqa: PLR2004  RFC 1950, 2.2
        return 15 if zlib_header else -15


def _inflate(inner: "isal_zlib.Decompress", data: bytes) -> bytes:
    try:
        return inner.decompress(data, PIECE)
    except BROKEN as error:
        raise Refusal("bad_encoding") from error


class Brotli:
    """Decodes Content-Encoding br."""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` unpacks to."""
        try:
            if self._inner.is_finished():
                raise Refusal("bad_encoding")
            yield self._inner.process(data, output_buffer_limit=PIECE)
            # Output may be pending when all input is consumed: only an empty piece means that there is none.
            while not self._inner.is_finished() and (piece := self._inner.process(b"", output_buffer_limit=PIECE)):
                yield piece
        except BROKEN as error:
            raise Refusal("bad_encoding") from error

    def finish(self) -> None:
        """Raise Refusal where the data ended early."""
        if not self._inner.is_finished():
            raise Refusal("bad_encoding")


class Zstd:
    """Decodes Content-Encoding zstd; frames may follow each other."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
        self._inner = self._context.decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` unpacks to, fed in steps of ZSTD_STEP bytes."""
        for start in range(0, len(data), ZSTD_STEP):
            step = data[start : start + ZSTD_STEP]
            while step:
                if self._inner.eof:
                    self._inner = self._context.decompressobj()
                yield self._decompress(step)
                step = self._inner.unused_data if self._inner.eof else b""

    def finish(self) -> None:
        """Raise Refusal where the data ended early."""
        if not self._inner.eof:
            raise Refusal("bad_encoding")

    def _decompress(self, step: bytes) -> bytes:
        try:
            return self._inner.decompress(step)
        except BROKEN as error:
            raise Refusal("bad_encoding") from error
