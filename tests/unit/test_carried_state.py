"""State that is carried into the next generation of the log decides as it would have in the old one."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from app.model import Session
from tables import names, seen, sessions
from tables.spec import Write

END = 1000
HOUR = seen.HOUR_MS
DAY = seen.DAY_MS
KEYS = [bytes([number]) * 16 for number in range(3)]


class Local:
    """A local store, as the tables keep it."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def write(self, writes: Iterable[Write]) -> None:
        for key, value in list(writes):
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


def carried(firsts: list[seen.First]) -> Local:
    store = Local()
    for chunk in seen.chunks(firsts):
        store.write(seen.localise(store.values.get, *seen.shifted(*chunk, END)))
    return store


def known(store: Local, key: bytes) -> seen.First | None:
    return seen.decode(key, store.values.get(seen.local_key(key)))


def test_a_retry_in_the_next_generation_is_a_duplicate_until_a_day_has_passed() -> None:
    store = carried([seen.First(KEYS[0], 0, HOUR), seen.First(KEYS[1], END - 1, HOUR)])
    for key, offset in ((KEYS[0], 0), (KEYS[0], 5), (KEYS[1], END - 1), (KEYS[1], 0)):
        assert not seen.is_first(known(store, key), offset, HOUR + DAY)
        assert seen.is_first(known(store, key), offset, HOUR + DAY + 1)
    assert seen.is_first(known(store, KEYS[2]), 0, HOUR)


def test_of_two_copies_a_day_apart_the_later_is_carried_whatever_the_order() -> None:
    early, late = seen.First(KEYS[0], 3, HOUR), seen.First(KEYS[0], 700, HOUR + DAY + 1)
    for order in ([early, late], [late, early]):
        store = Local()
        for first in order:
            [chunk] = seen.chunks([first])
            store.write(seen.localise(store.values.get, *seen.shifted(*chunk, END)))
        assert known(store, KEYS[0]) == late._replace(offset=700 - END)


def test_what_was_carried_expires_and_takes_its_entries_along() -> None:
    store = carried([seen.First(KEYS[0], 0, HOUR)])
    scan = [(key, value) for key, value in sorted(store.values.items()) if key.startswith(seen.CHUNK)]
    [key] = seen.expired(scan, 3 * HOUR, 10)
    store.write(seen.localise(store.values.get, key, None))
    assert store.values == {}
    [(chunk, value)] = seen.chunks([seen.First(KEYS[0], 0, HOUR)])
    assert seen.shifted(chunk, None, END) == (seen.shifted(chunk, value, END)[0], None)


def update(status: Literal["ok", "crashed"]) -> Session:
    return Session("a", status, HOUR, 0, init=False, release="1", environment="", user="")


def test_a_session_goes_on_where_it_was() -> None:
    change = sessions.advance(None, update("ok"), 900, HOUR, None, 5)
    assert change is not None
    [(key, value)] = sessions.staged(KEYS[0], None, change.state)
    key, value = sessions.shifted(key, value, END)
    state = sessions.decode(value)
    assert state == msgspec.structs.replace(change.state, version=900 - END)
    assert key == sessions.changelog_key(KEYS[0], 5)
    assert sessions.shifted(key, None, END) == (key, None)
    crash = sessions.advance(state, update("crashed"), 0, HOUR, None, 6)
    assert crash is not None
    assert (crash.counts.get("sessions"), crash.counts["crashed_sessions"]) == (None, 1)


def test_a_name_that_was_admitted_stays_so() -> None:
    judge = names.Names(lambda _: [])
    assert judge.admits(1, HOUR, "GET /", 900)
    key, value = names.shifted(*judge.admitted[0], END)
    after = names.Names(lambda _: [(key, value or b"")])
    assert after.admits(1, HOUR, "GET /", 0)
    assert after.admitted == []
