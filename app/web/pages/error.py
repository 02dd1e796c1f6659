"""Error pages: what happened, what is safe, what to do."""

from typing import Final

from aiohttp import web

from app.web.errors import ApiError
from app.web.render import page

TITLES: Final = {
    400: "Invalid request",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    500: "Internal error",
    503: "Unavailable for the moment",
}
SAFE: Final = {
    503: "No crash is lost: SDKs get a success answer only for events that are stored. This page reloads by itself.",
    500: "Nothing was changed.",
}


def error_page(request: web.Request, error: ApiError) -> web.Response:  # noqa: ARG001  one shape for all error pages
    """Answer with a page about an error."""
    answer = page(
        "error.html", status=error.status, title=TITLES.get(error.status, "Request failed"),
        message=error.message, safe=SAFE.get(error.status, ""), code=error.code,
    )  # fmt: skip
    if error.status == 503:  # noqa: PLR2004  works without a script too
        answer.headers["Refresh"] = "3"
        answer.headers["Retry-After"] = "3"
    return answer
