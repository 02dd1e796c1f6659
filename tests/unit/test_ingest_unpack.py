"""Unpacking in pieces: any cut yields the same bytes; bombs stay bounded, truncated streams are refused."""

import gzip
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ingest.codes import Refusal
from app.ingest.unpack import PIECE, ZSTD_STEP, unpacker

DENSEST_ZSTD = ZSTD_STEP // 4 * (128 << 10)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


CODECS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "two members": ("gzip", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
    "padded": ("gzip", lambda data: gzip.compress(data) + b"\0" * 9),
    "zlib": ("deflate", zlib.compress),
    "raw": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": (" zstd ", zstandard.compress),
    "two frames": ("zstd", lambda data: zstandard.compress(data[:7]) + zstandard.compress(data[7:])),
}


def unpack(encoding: str, packed: bytes, cut: int) -> bytes:
    decoder = unpacker(encoding)
    assert decoder is not None
    pieces = [piece for at in range(0, len(packed), cut) for piece in decoder.feed(packed[at : at + cut])]
    decoder.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("name", CODECS)
@settings(deadline=None)
@given(data=st.binary(max_size=300) | st.binary(max_size=20).map(lambda data: data * 500), cut=st.integers(1, 400))
def test_any_cut_gives_the_same_bytes(name: str, data: bytes, cut: int) -> None:
    encoding, pack = CODECS[name]
    assert unpack(encoding, pack(data), cut) == data


@pytest.mark.parametrize("name", [name for name in CODECS if name != "padded"])
@settings(deadline=None)
@given(data=st.binary(min_size=1, max_size=300), lost=st.integers(1, 4))
def test_a_truncated_stream_is_refused(name: str, data: bytes, lost: int) -> None:
    encoding, pack = CODECS[name]
    with pytest.raises(Refusal, match="bad_encoding"):
        unpack(encoding, pack(data)[:-lost], 64)


@pytest.mark.parametrize("name", CODECS)
@settings(deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_unpacked_or_refused(name: str, data: bytes) -> None:
    with suppress(Refusal):
        unpack(CODECS[name][0], data, 50)


@pytest.mark.parametrize("name", ["gzip", "zlib", "raw", "br", "zstd"])
def test_a_bomb_is_unpacked_in_bounded_pieces(name: str) -> None:
    encoding, pack = CODECS[name]
    packed = pack(b"\0" * (16 << 20))
    decoder = unpacker(encoding)
    assert decoder is not None
    sizes = [len(piece) for piece in decoder.feed(packed)]
    assert sum(sizes) == 16 << 20
    assert max(sizes) <= (DENSEST_ZSTD if name == "zstd" else 2 * PIECE)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_trailing_bytes_are_refused(encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[encoding]
    with pytest.raises(Refusal, match="bad_encoding"):
        unpack(encoding, pack(b"x") + b"rubbish", 1000)
    with pytest.raises(Refusal, match="bad_encoding"):
        unpack(encoding, pack(b"x") + b"rubbish", len(pack(b"x")))


def test_a_window_over_the_standards_limit_is_refused() -> None:
    packer = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=25, write_content_size=False)
    ).compressobj()
    packed = packer.compress(b"x" * 100) + packer.flush()
    with pytest.raises(Refusal, match="bad_encoding"):
        unpack("zstd", packed, 1000)


@pytest.mark.parametrize("encoding", ["", " ", "identity", "UTF-8", "utf8", "Identity"])
def test_values_that_name_no_coding(encoding: str) -> None:
    assert unpacker(encoding) is None


@pytest.mark.parametrize("encoding", ["compress", "gzip, br", "gzip,gzip", "aes128gcm"])
def test_other_codings_are_refused(encoding: str) -> None:
    with pytest.raises(Refusal, match="unknown_encoding"):
        unpacker(encoding)
