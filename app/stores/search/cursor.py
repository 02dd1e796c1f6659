"""The cursor of a search's next page: the same text on every store. Pure."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
from msgspec import Meta

from app.stores.search.contract import Document


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The time and address of a page's last document; the bounds are those of the columns compared with them."""

    time: Annotated[int, Meta(ge=-(2**62), le=2**62)]
    topic: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.-]*$")]
    partition: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    offset: Annotated[int, Meta(ge=0, le=2**63 - 1)]


_cursors = msgspec.msgpack.Decoder(Cursor)


def cursor_after(last: Document) -> str:
    """Return the text of the cursor of the page behind a document."""
    cursor = Cursor(last.summary.time, *last.address)
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).decode().rstrip("=")


def read_cursor(cursor: str) -> Cursor:
    """Read the text of a cursor. Raises ValueError, with a text for people."""
    try:
        return _cursors.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, msgspec.DecodeError) as error:  # base64's errors are ValueErrors too
        raise ValueError("The cursor is not one that a search returned.") from error
