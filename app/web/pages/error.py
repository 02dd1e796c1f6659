"""Error pages: what happened, what is safe, what to do. The navigation stays."""

from typing import Final

from aiohttp import web

from app.stores.admin.projects import Project
from app.web.errors import ApiError
from app.web.render import page

TITLES: Final = {
    400: "This address cannot be read",
    403: "You may not do this",
    404: "Not found",
    405: "This address takes no such request",
    409: "There are several of these",
    500: "Something went wrong in Faultline",
    502: "The test event did not arrive",
    503: "Unavailable for the moment",
}
SAFE: Final = {
    400: "Nothing was changed. Go back and choose again, or open the page without the part behind the question mark.",
    403: "Nothing was changed.",
    404: "It may have been deleted after the time for which it is kept, or the link may be cut.",
    503: "No crash is lost: SDKs get a success answer only for events that are stored. This page reloads by itself.",
    500: "Nothing was changed, and no data are lost. Try again; if it stays, the server's log says what to report.",
}


def error_page(
    request: web.Request, error: ApiError, *, project: Project | None = None, csrf: str = ""
) -> web.Response:
    """Answer with a page about an error; ``project`` is the one whose navigation it shows."""
    status = error.status
    answer = page(
        "error.html", status=status, title=TITLES.get(status, "The request failed"),
        message=error.message.replace("this token may not", "you may not"), safe=SAFE.get(status, ""), code=error.code,
        path=request.path if request.query_string else "", projects=[], project=project, section="", csrf=csrf,
        query={}, alerts=[],
    )  # fmt: skip
    if status == 503:  # noqa: PLR2004  works without a script too
        answer.headers["Refresh"] = "3"
        answer.headers["Retry-After"] = "3"
    return answer
