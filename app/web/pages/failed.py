"""What a page says when it can't be shown: what happened, what is safe, what to do."""

from typing import Final

import structlog
from aiohttp import web

from app.web.errors import ApiError, place
from app.web.render import page

UNEXPECTED: Final = ApiError(500, "internal", "Something went wrong here; the server's log says what.")
TITLES: Final = {
    400: "That address can't be read",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "That is not how this page works",
    409: "That can't be done now",
    500: "Something broke",
    503: "The database does not answer",
}
SAFE: Final = {
    503: "No crash is lost: SDKs are answered only for what is stored. This page tries again by itself.",
    500: "Nothing was changed.",
}

log = structlog.get_logger()


def error_page(request: web.Request, error: ApiError) -> web.Response:  # noqa: ARG001  one shape for all error pages
    """Answer with a page about an error."""
    answer = page(
        "error.html", status=error.status, title=TITLES.get(error.status, "That did not work"),
        message=error.message, safe=SAFE.get(error.status, ""), code=error.code,
    )  # fmt: skip
    if error.status == 503:  # noqa: PLR2004  works without a script too
        answer.headers["Refresh"] = "3"
    return answer


def report(error: Exception, request: web.Request, known: ApiError | None) -> ApiError:
    """Give what the page says, and log what nobody foresaw (type and place, no payload)."""
    if known is not None:
        return known
    log.error("page_failed", path=request.path, error=type(error).__name__, where=place(error))
    return UNEXPECTED
