"""Sessions and client reports of one batch: updates are counted by the session's state, aggregates directly. Pure.

Aggregates have no identity: each counts. ``sessions`` of an aggregate is the sum of its five outcomes, and
``errored_sessions`` is all but the healthy ones, so that both kinds of session add up alike.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import msgspec

from agents.batch.deltas import session_cells
from agents.batch.records import ReadRecord, key_of, user_of
from agents.batch.result import BatchResult
from app.cells import windows_of_target
from app.log.contract import Record
from app.model import Facts, Session, SessionCounts
from app.normalise import client_report, counts_more, scrub, session, session_counts
from app.records import Entry, UnknownSchema
from tables.sessions import State, advance

Sessions = TypeVar("Sessions", Session, SessionCounts)
KINDS: Final = frozenset({"session", "sessions", "client_report", "refused"})


class ChangedSession(NamedTuple):
    """A session whose state is to be written, with its states before and after the batch."""

    key: bytes
    before: State | None
    after: State


def keys_of(read: Sequence[ReadRecord]) -> list[bytes]:
    """Return the keys of the sessions that the batch updates."""
    return [_key(record, facts) for record, facts in read if facts.kind == "session"]


class SessionBatch:
    """Adds the readable records of a batch to its result; ``changed`` are the sessions whose state to write.

    ``known`` holds the states of the batch's sessions, ``secrets`` the keys of the projects' user hashes, ``epoch`` is
    the claim's.
    """

    def __init__(
        self, result: BatchResult, known: Mapping[bytes, State], secrets: Mapping[int, bytes], epoch: int
    ) -> None:
        self._result = result
        self._known = known
        self._states = dict(known)
        self._secrets = secrets
        self._epoch = epoch
        self._written: dict[bytes, State] = {}

    @property
    def changed(self) -> list[ChangedSession]:
        """The sessions whose state changed, in the order of their first change."""
        return [ChangedSession(key, self._known.get(key), after) for key, after in self._written.items()]

    def add_all(self, read: Sequence[ReadRecord]) -> None:
        """Add the records in order. Raises UnknownSchema; any other failure makes a dead letter."""
        for record, facts in read:
            if facts.kind == "refused":
                self._result.refuse(facts, record.offset)
            else:
                self._add(record, facts)

    def _add(self, record: Record, facts: Facts) -> None:
        try:
            payload = scrub(record.value or b"", facts.rules)
            if facts.kind == "session":
                self._update(_counted(session(facts, payload), facts), record, facts)
            elif facts.kind == "sessions":
                buckets = [_counted(bucket, facts) for bucket in session_counts(facts, payload)]
                self._aggregate(buckets, record.offset, facts)
            else:
                self._report(payload, record.offset, facts)
        except (UnknownSchema, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001  whatever one record does, the batch goes on
            self._result.bury(record, facts, error)
            return
        self._result.grouped(facts, record.offset, payload)

    def _update(self, update: Session, record: Record, facts: Facts) -> None:
        key, user = _key(record, facts), self._user(facts.project, update.user)
        change = advance(self._states.get(key), update, record.offset, facts.received, user, self._epoch)
        if change is None:
            return
        state = change.state
        cells = session_cells(facts.project, state.release, state.environment)
        if change.counts or change.users:
            windows = tuple(windows_of_target(state.started, facts.received))
            self._result.spread.add(cells, windows, Entry(record.offset, change.counts, change.users))
        self._states[key] = self._written[key] = state

    def _aggregate(self, buckets: Sequence[SessionCounts], offset: int, facts: Facts) -> None:
        entries = [_entry(bucket, offset, self._user(facts.project, bucket.user)) for bucket in buckets]
        for bucket, entry in zip(buckets, entries, strict=True):
            windows = tuple(windows_of_target(bucket.started, facts.received))
            cells = session_cells(facts.project, bucket.release, bucket.environment)
            self._result.spread.add(cells, windows, entry)

    def _report(self, payload: bytes, offset: int, facts: Facts) -> None:
        for lost in client_report(facts, payload):
            self._result.lost(facts, offset, lost.reason, lost.category, lost.quantity)

    def _user(self, project: int, did: str) -> int | None:
        return user_of(self._secrets, project, did)


def _counted(sessions: Sessions, facts: Facts) -> Sessions:
    """Return sessions without an environment where their version of normalisation counts none."""
    return sessions if counts_more(facts.normalisation) else msgspec.structs.replace(sessions, environment="")


def _key(record: Record, facts: Facts) -> bytes:
    return key_of(record, f"s:{facts.event_id}", facts.project)


def _entry(bucket: SessionCounts, offset: int, user: int | None) -> Entry:
    errored = bucket.errored + bucket.abnormal + bucket.crashed + bucket.unhandled
    counts = {
        "sessions": bucket.exited + errored,
        "errored_sessions": errored,
        "abnormal_sessions": bucket.abnormal,
        "unhandled_sessions": bucket.unhandled,
        "crashed_sessions": bucket.crashed,
    }
    users = {} if user is None else {"session_users": user}
    if user is not None and bucket.crashed:
        users["crashed_users"] = user
    return Entry(offset, {name: count for name, count in counts.items() if count}, users)
