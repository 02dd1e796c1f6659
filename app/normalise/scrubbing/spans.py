"""Finds the ends of tokens of a JSON text from a position inside them, without parsing the whole, without recursion."""

import json
import re
from typing import Final

STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]]|[^\s,:{}\[\]"]++', re.DOTALL)
COLON: Final = re.compile(rb"\s*+:\s*+")
COMMA: Final = re.compile(rb"\s*+,\s*+")
CLOSE: Final = re.compile(rb"\s*+\]")
_BACKSLASH: Final = 0x5C
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def opening_quote(payload: bytes, at: int, floor: int) -> int:
    """Return the position of the last unescaped quote in [floor, at), -1 for none."""
    quote = payload.rfind(b'"', floor, at)
    while quote > floor and payload[quote - 1] == _BACKSLASH and _escaped(payload, quote, floor):
        quote = payload.rfind(b'"', floor, quote)
    return quote


def _escaped(payload: bytes, at: int, floor: int) -> bool:
    start = at
    while start > floor and payload[start - 1] == _BACKSLASH:
        start -= 1
    return (at - start) % 2 == 1


def outside(payload: bytes, floor: int, at: int) -> bool:
    """Return whether ``at`` is outside of strings, given that ``floor`` is: by the number of quotes between."""
    between = payload[floor:at]
    if b"\\" in between:
        between = between.replace(b"\\\\", b"").replace(b'\\"', b"")
    return between.count(b'"') % 2 == 0


def unescaped(body: bytes) -> bytes | None:
    """Return the text of a string's body as UTF-8 (surrogates pass through), None where its escapes are invalid."""
    if b"\\" not in body:
        return body
    try:
        text = json.loads('"' + body.decode("utf-8", "surrogateescape") + '"', strict=False)
    except ValueError:
        return None
    return str(text).encode("utf-8", "surrogatepass")


def escaped(text: bytes, body: bytes) -> bytes:
    """Return the body of a JSON string of this text; escapes follow those of ``body``, the original."""
    if b"\\" not in body and not _needs_escapes(text):
        return text
    try:
        quoted = json.dumps(text.decode("utf-8", "surrogatepass"), ensure_ascii=False)[1:-1]
    except UnicodeDecodeError:  # a raw line break beside bytes that are no UTF-8: no JSON, but scrubbed all the same
        return json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False)[1:-1].encode(
            "utf-8", "surrogateescape"
        )
    if _SURROGATE.search(body):
        return quoted.encode("utf-8", "backslashreplace")
    return quoted.encode("utf-8", "surrogateescape")


def _needs_escapes(text: bytes) -> bool:
    return b'"' in text or b"\\" in text or b"\n" in text
