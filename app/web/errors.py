"""How the API and the pages say that something went wrong: one shape, stable codes, no exception texts."""

import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from app import postgres as stores
from app.log.contract import LogError
from app.stores.errors import StoreUnavailable

PLACES: Final = 5

AWAY: Final = (StoreUnavailable, LogError, *stores.AWAY)
"""What a call raises while PostgreSQL (or another store) does not answer; it is worth trying again."""


class ApiError(Exception):
    """An answer that is no success: HTTP status, stable code, a text for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """Take what the client is to see; nothing of a payload."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad(code: str, message: str) -> ApiError:
    """Give a 400."""
    return ApiError(400, code, message)


def missing(what: str) -> ApiError:
    """Give a 404; also for what the token may not know of."""
    return ApiError(404, "not_found", f"There is no such {what}, or this token may not see it.")


def body(code: str, message: str) -> bytes:
    """Give the JSON of an error."""
    return msgspec.json.encode({"error": {"code": code, "message": message}})


def understood(error: Exception) -> ApiError | None:
    """Turn what a handler raised into an answer; None for what nobody foresaw (a 500, logged)."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, web.HTTPException):
        phrase = HTTPStatus(error.status).phrase
        return ApiError(error.status, phrase.lower().replace(" ", "_").replace("-", "_"), f"{phrase}.")
    if isinstance(error, AWAY):
        return ApiError(503, "store_unavailable", "The database does not answer. Nothing is lost; try again soon.")
    return None


def place(error: Exception) -> str:
    """Say where an error was raised, innermost first. Never its text: that may hold what an application sent."""
    frames = traceback.extract_tb(error.__traceback__)[-PLACES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
