"""Sessions as small state machines by session id, and the rules of their table (EXACTNESS.md, "Sessions").

A state's version is the offset of the last update in it: an update at or below it is done. Each change counts once:

- the first sight of a session counts ``sessions``, with or without ``init``, in the windows of its ``started``, and in
  the cells of its release and environment then;
- ``errored_sessions`` once a session has errors or ended crashed, abnormal or unhandled; ``abnormal_sessions``,
  ``unhandled_sessions`` and ``crashed_sessions`` are parts of it;
- a status other than ``ok`` is terminal: a later update adds nothing, except a crash, which always counts (updates
  arrive in any order, and a native crash is often reported at the next start: dropping it would show a release as
  better than it is);
- ``session_users`` and ``crashed_users`` hold the hash of ``did``, which may come with a later update.

A state lives 5 days of received time from its first sight. As with duplicates, the two records decide: after 5 days
the session id is new, whether its state is still stored or not.

Changelog keys end with the epoch of the claim that wrote them: a stopped owner that wakes overwrites no newer state,
also not by compaction. On recovery the greatest version wins, whatever the order.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from app.cells import DAY, HOUR, SKEW
from app.model import Session
from app.records import check_schema
from app.topics import SESSIONS
from tables.spec import Read, TableSpec, Write

SCHEMA: Final = 2
"""Of a session's state. 2: states have ``environment``, which is empty in a state of schema 1."""

LIFE_MS: Final = 5 * DAY * 1000
HOUR_MS: Final = HOUR * 1000
SKEW_MS: Final = SKEW * 1000

STATE: Final = b"s"
EXPIRY: Final = b"x"

ERRORED: Final = 1
ABNORMAL: Final = 2
UNHANDLED: Final = 4
CRASHED: Final = 8
ENDED: Final = 16

COUNTED: Final = {
    ERRORED: "errored_sessions",
    ABNORMAL: "abnormal_sessions",
    UNHANDLED: "unhandled_sessions",
    CRASHED: "crashed_sessions",
}
_MARKS: Final = {
    "ok": 0,
    "exited": ENDED,
    "crashed": ENDED | ERRORED | CRASHED,
    "abnormal": ENDED | ERRORED | ABNORMAL,
    "unhandled": ENDED | ERRORED | UNHANDLED,
}

_epoch = struct.Struct(">Q")
_hour = struct.Struct(">I")


class State(msgspec.Struct, frozen=True, array_like=True):
    """The state of one session. Times in ms; ``user`` is the hash of ``did``."""

    schema: int
    version: int
    epoch: int
    received: int
    """When the first update was received."""
    started: int
    marks: int
    release: str
    user: int | None
    environment: str = ""


class SessionChange(NamedTuple):
    """The effect of an update: the session's new state, and what is added to the windows of ``state.started``."""

    state: State
    counts: dict[str, int]
    users: dict[str, int]


_decoder = msgspec.msgpack.Decoder(State)
encode = msgspec.msgpack.Encoder().encode


def decode(value: bytes | None) -> State | None:
    """Decode a state, None for none. Raises UnknownSchema."""
    if value is None:
        return None
    state = _decoder.decode(value)
    check_schema("states of sessions", state.schema, SCHEMA)
    return state


def advance(
    known: State | None, update: Session, offset: int, received: int, user: int | None, epoch: int
) -> SessionChange | None:
    """Return the change that the update at ``offset`` makes; None for none, or where it was applied before.

    ``received`` is in ms; ``user`` is the hash of the update's ``did``, None without one.
    """
    if known is not None and offset <= known.version:
        return None
    marks = _MARKS[update.status] | (ERRORED if update.errors > 0 else 0)
    if known is None or received - known.received > LIFE_MS:
        state = State(
            schema=SCHEMA,
            version=offset,
            epoch=epoch,
            received=received,
            started=update.started,
            marks=marks,
            release=update.release,
            user=user,
            environment=update.environment,
        )
        return SessionChange(state, {"sessions": 1, **_counts(marks)}, _users(user, user, marks))
    new = _new_marks(known.marks, marks)
    known_user = user if known.user is None else known.user
    if not new and known_user == known.user:
        return None
    state = msgspec.structs.replace(known, version=offset, epoch=epoch, marks=known.marks | new, user=known_user)
    return SessionChange(state, _counts(new), _users(known_user if known.user is None else None, known_user, new))


def _new_marks(known: int, marks: int) -> int:
    """Return the marks that an update adds: after the session's end only a crash."""
    if known & ENDED:
        marks &= _MARKS["crashed"] if marks & CRASHED else 0
    return marks & ~known


def _counts(marks: int) -> dict[str, int]:
    return {name: 1 for mark, name in COUNTED.items() if marks & mark}


def _users(seen: int | None, crashed: int | None, marks: int) -> dict[str, int]:
    users = {} if seen is None else {"session_users": seen}
    return users if crashed is None or not marks & CRASHED else users | {"crashed_users": crashed}


def local_key(key: bytes) -> bytes:
    """Return a session's key in the local store."""
    return STATE + key


def changelog_key(key: bytes, epoch: int) -> bytes:
    """Return a session's key in the changelog, as the claim ``epoch`` writes it."""
    return key + _epoch.pack(epoch)


def staged(key: bytes, before: State | None, after: State) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the changelog records of a changed session: the new state, then the deletion of an older epoch's key."""
    yield changelog_key(key, after.epoch), encode(after)
    if before is not None and before.epoch != after.epoch:
        yield changelog_key(key, before.epoch), None


def localise(read: Read, key: bytes, value: bytes | None) -> Iterator[Write]:
    """Yield the local writes of a changelog record: the greatest version wins; a deletion is of its epoch's state."""
    session, epoch = key[: -_epoch.size], _epoch.unpack(key[-_epoch.size :])[0]
    local = local_key(session)
    known = decode(read(local))
    state = decode(value)
    if state is None:
        if known is not None and known.epoch == epoch:
            yield from ((local, None), (_expiry_key(session, known), None))
        return
    if known is not None and known.version > state.version:
        return
    if known is not None and known.received != state.received:
        yield _expiry_key(session, known), None
    yield local, value
    yield _expiry_key(session, state), _epoch.pack(epoch)


TABLE: Final = TableSpec("sessions", SESSIONS, "faultline-sessions-sessions-changelog", localise)


def shifted(key: bytes, value: bytes | None, by: int) -> tuple[bytes, bytes | None]:
    """Return a changelog record for the next generation, whose offset 0 follows offset ``by - 1`` of this one."""
    state = decode(value)
    return key, None if state is None else encode(msgspec.structs.replace(state, version=state.version - by))


def expired_before(received: int) -> int:
    """Return the time (ms) before which states expire, by the greatest received time behind the owner's own commit."""
    return received - LIFE_MS - SKEW_MS


def expired(local: Iterable[tuple[bytes, bytes]], before: int, most: int) -> list[bytes]:
    """Return the changelog keys of at most ``most`` sessions first seen before a time (ms), the oldest hour first.

    ``local`` are the entries of the local store with the prefix ``EXPIRY``, in key order, which is the order of hours.
    """
    keys: list[bytes] = []
    start = len(EXPIRY) + _hour.size
    for key, epoch in local:
        hour = _hour.unpack(key[len(EXPIRY) : start])[0]
        if (hour + 1) * HOUR_MS > before or len(keys) == most:
            break
        keys.append(key[start:] + epoch)
    return keys


def _expiry_key(session: bytes, state: State) -> bytes:
    return EXPIRY + _hour.pack(state.received // HOUR_MS) + session
