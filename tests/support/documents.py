"""Documents of search for tests, and the times that they are of."""

from typing import Any

import msgspec

from app.model import Address
from app.records import EventSummary
from app.stores.search.contract import Document

DAY = 86_400_000
NOW = 1_780_000_000_000
ALL = (NOW - 400 * DAY, NOW + DAY)


def document(offset: int, *, topic: str = "1.crashes", partition: int = 0, **fields: Any) -> Document:  # noqa: ANN401  fields of EventSummary
    values: dict[str, Any] = {
        "offset": offset,
        "event_id": f"{offset:032x}",
        "project": 1,
        "received": NOW,
        "time": NOW - 1000,
        "group": "a" * 32,
        "title": "ValueError: nothing to see",
        "culprit": "charge in shop.billing",
        "level": "error",
        "platform": "python",
        "release": "shop@1.0.0",
        "environment": "production",
        "user": "",
        "unhandled": False,
        "server": "web-1",
        "url": "",
        "sdk": "sentry.python 2.0",
        "tags": {},
        "text": "",
    }
    later = {name: fields.pop(name) for name in ("messages", "functions", "files", "fields") if name in fields}
    for name in ("functions", "files"):
        later[name] = "\n".join(later.get(name, ()))
    later["messages"] = tuple(later.get("messages", ()))
    summary = msgspec.convert(tuple((values | fields).values()), EventSummary)
    summary = msgspec.structs.replace(summary, **later)
    return Document(Address(topic, partition, offset), summary)
