"""Normalises session updates, session aggregates and client reports. Source: WIRE.md, "Sessions", "Client reports"."""

import re
from typing import Any, Final, Literal, NamedTuple, cast

from app.model import Category, Facts, Malformed, Session, SessionCounts
from app.normalise.fields import plain
from app.normalise.parse import parse
from app.normalise.rules import Rules
from app.normalise.text import MESSAGE, SHORT, Notes
from app.normalise.versions import rules_of

Status = Literal["ok", "exited", "crashed", "abnormal", "unhandled"]
_STATUSES: Final = frozenset(("ok", "exited", "crashed", "abnormal", "unhandled"))
_COUNTS: Final = ("exited", "errored", "abnormal", "crashed", "unhandled")
_LISTS: Final = ("discarded_events", "rate_limited_events", "filtered_events", "filtered_sampling_events")
_CATEGORIES: Final[dict[str, Category]] = {
    "error": "error", "default": "error", "security": "error", "session": "session",
}  # fmt: skip
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.:/-]")
_BIGGEST: Final = 10**9
_REASONS: Final = 50
_REASON_LENGTH: Final = 64
_ID_LENGTH: Final = 128


class Lost(NamedTuple):
    """A number of items that an SDK reports as discarded, by reason and category."""

    reason: str
    category: Category
    quantity: int


def session(facts: Facts, payload: bytes) -> Session:
    """Return one session update, by the version of the facts.

    Raises Malformed for a payload that is no object or has no session id, UnknownSchema for an unknown version.
    """
    rules = rules_of(facts.normalisation)
    fields, _ = parse(payload)
    session_id = facts.event_id or plain(fields.get("sid"), _ID_LENGTH)
    if not session_id:
        raise Malformed("no_session_id", "a session needs an id")
    status = fields.get("status")
    known = cast("Status", status) if isinstance(status, str) and status in _STATUSES else "ok"
    errors = _count(fields.get("errors"))
    release, environment = _attributes(fields.get("attrs"), rules)
    return Session(
        session_id=session_id,
        status=known,
        started=_started(fields, facts, rules),
        errors=max(errors, 1) if known == "crashed" else errors,
        init=fields.get("init") is True,
        release=release,
        environment=environment,
        user=plain(fields.get("did")),
    )


def session_counts(facts: Facts, payload: bytes) -> list[SessionCounts]:
    """Return the non-empty buckets of a session aggregate, by the version of the facts.

    Raises Malformed where there is no list of them, UnknownSchema for an unknown version.
    """
    rules = rules_of(facts.normalisation)
    fields, _ = parse(payload)
    buckets = fields.get("aggregates")
    if not isinstance(buckets, list):
        raise Malformed("no_aggregates", "a session aggregate needs a list aggregates")
    release, environment = _attributes(fields.get("attrs"), rules)
    counts = [
        SessionCounts(
            started=_started(bucket, facts, rules),
            release=release,
            environment=environment,
            user=plain(bucket.get("did")),
            **{name: _count(bucket.get(name)) for name in _COUNTS},
        )
        for bucket in buckets
        if isinstance(bucket, dict)
    ]
    return [bucket for bucket in counts if any(getattr(bucket, name) for name in _COUNTS)]


def client_report(facts: Facts, payload: bytes) -> list[Lost]:  # noqa: ARG001  the same shape as its siblings
    """Return what the SDK discarded, summed by reason and category; reasons beyond _REASONS are summed as "other"."""
    fields, _ = parse(payload)
    sums: dict[tuple[str, Category], int] = {}
    for name in _LISTS:
        entries = fields.get(name)
        for entry in entries if isinstance(entries, list) else []:
            quantity = _count(entry.get("quantity")) if isinstance(entry, dict) else 0
            if quantity:
                key = _lost_key(entry)
                key = key if key in sums or len(sums) < _REASONS else ("other", key[1])
                sums[key] = min(sums.get(key, 0) + quantity, _BIGGEST)
    return [Lost(reason, category, quantity) for (reason, category), quantity in sums.items()]


def _lost_key(entry: dict[str, Any]) -> tuple[str, Category]:
    reason = _UNSAFE.sub("_", plain(entry.get("reason"), _REASON_LENGTH)) or "unknown"
    return reason, _CATEGORIES.get(plain(entry.get("category")), "other")


def _started(fields: dict[str, Any], facts: Facts, rules: Rules) -> int:
    time = rules.milliseconds(fields.get("started"))
    if time is None:
        time = rules.milliseconds(fields.get("timestamp"))
    return rules.corrected(time, facts, Notes())


def _attributes(value: object, rules: Rules) -> tuple[str, str]:
    fields = value if isinstance(value, dict) else {}
    release, environment = (plain(fields.get(name), MESSAGE) for name in ("release", "environment"))
    return rules.trimmed(release)[:SHORT], rules.trimmed(environment)[:SHORT]


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(min(max(value, 0), _BIGGEST)) if value == value else 0  # noqa: PLR0124  NaN is not equal to itself
