"""A connection that is cut within a statement means that PostgreSQL is away: the work is retried, no worker ends."""

import asyncpg
import pytest

from app import postgres as stores
from app.log.contract import LogUnavailable
from app.log.postgres import connect as log
from app.stores.errors import StoreUnavailable
from app.stream.role import RETRIED

RESET = asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")


def test_a_batch_is_retried() -> None:
    assert isinstance(RESET, RETRIED)


def test_stores_are_unavailable() -> None:
    with pytest.raises(StoreUnavailable), stores.translated("aggregates"):
        raise RESET


def test_the_log_is_unavailable() -> None:
    with pytest.raises(LogUnavailable), log.translated():
        raise RESET
