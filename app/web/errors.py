"""The errors of API and pages: one shape, stable codes, no exception texts."""

import traceback
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec
import structlog
from aiohttp import web

from app import outages, postgres
from app.log.contract import LogError
from app.settings import Settings
from app.stores.errors import StoreUnavailable

FRAMES: Final = 5
"""Frames of a traceback that are logged, the innermost ones."""

AWAY: Final = (StoreUnavailable, LogError, *postgres.AWAY)
"""The exceptions of a store, or the log, that does not answer. The same call may succeed later."""

log = structlog.get_logger()


class ApiError(Exception):
    """An error answer: HTTP status, stable code, and a text for people. The client sees all three, so none may quote
    what an application sent.
    """  # noqa: D205  the summary is two sentences

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


UNEXPECTED: Final = ApiError(500, "internal", "Internal error. The server's log has the details.")


def bad_request(code: str, message: str) -> ApiError:
    """Return a 400."""
    return ApiError(400, code, message)


def not_found(what: str) -> ApiError:
    """Return a 404. It is also the answer for what exists but the token may not see."""
    return ApiError(404, "not_found", f"There is no such {what}, or this token may not see it.")


def error_body(code: str, message: str) -> bytes:
    """Return the JSON of an error."""
    return msgspec.json.encode({"error": {"code": code, "message": message}})


def as_api_error(error: Exception) -> ApiError | None:
    """Return the answer to an exception that is expected of handlers; None for any other."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, web.HTTPException):
        phrase = HTTPStatus(error.status).phrase
        return ApiError(error.status, phrase.lower().replace(" ", "_").replace("-", "_"), f"{phrase}.")
    return None


def outage_of(error: Exception) -> str | None:
    """Return the code of ``app.outages`` for the error of a store that is away, None for any other error."""
    if isinstance(error, StoreUnavailable | LogError):
        return error.code if error.code in outages.TEXTS else outages.LOG
    return outages.STORE if isinstance(error, AWAY) else None


def answer_to(error: Exception, request: web.Request, settings: Settings) -> ApiError:
    """Return the answer to an exception of a handler. An unexpected one is logged: its type and place, no payload.

    That of a store that is away names the server, in the sentence that readiness and ``faultline doctor`` use.
    """
    known = as_api_error(error)
    if known is not None:
        return known
    code = outage_of(error)
    if code is not None:
        log.warning("store_away", path=request.path, store=code, error=type(error).__name__)
        return ApiError(503, "store_unavailable", outages.sentence(code, settings))
    log.error("request_failed", path=request.path, error=type(error).__name__, where=raised_at(error))
    return UNEXPECTED


def raised_at(error: Exception) -> str:
    """Return where an error was raised, innermost frame first; never its text, which may quote a payload."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
