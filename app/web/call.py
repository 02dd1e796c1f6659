"""One request with who sent it, as handlers see it: access is checked here, before any store is asked."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from app.stores.admin.access import Access
from app.stores.admin.projects import Project
from app.stores.aggregates.types import GroupRow
from app.web.errors import ApiError, bad, missing
from app.web.services import Services

Body = TypeVar("Body", bound=msgspec.Struct)
MAX_ID: Final = 2**63 - 1


@dataclass
class Call:
    """A request that may be answered."""

    request: web.Request
    services: Services
    access: Access
    csrf: str = ""
    """The token that forms of this browser must send; '' for a bearer token."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters, the first of each name."""
        return self.request.query

    @property
    def base(self) -> str:
        """The address under which users reach Faultline, without a slash at its end."""
        return base_url(self.request, self.services)

    async def project(self) -> Project:
        """Give the project that the path names. Raises 403 where the token may not, 404 where there is none."""
        number = whole(self.request.match_info["project"])
        if number is None:
            raise missing("project")
        if not self.access.may_see(number):
            raise ApiError(403, "forbidden", "This token may not use this project.")
        project = await self.services.projects.get(number)
        if project is None:
            raise missing("project")
        return project

    async def group(self, name: str = "") -> GroupRow:
        """Give the group that the path (or ``name``) names, its merged members united. Raises 404."""
        row = await self.services.aggregates.group(name or self.request.match_info["group"].lower().replace("-", ""))
        if row is None or not self.access.may_see(row.project):
            raise missing("group")
        return row

    async def body(self, kind: type[Body]) -> Body:
        """Read the JSON of a request. Raises 400."""
        try:
            return msgspec.json.decode(await self.request.read(), type=kind)
        except msgspec.DecodeError as error:
            fields = ", ".join(item.name for item in msgspec.structs.fields(kind))
            raise bad("bad_body", f"The body must be a JSON object with: {fields}.") from error


def whole(text: str) -> int | None:
    """Read a number of at most 63 bits; None for anything else."""
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(MAX_ID)) or int(text) > MAX_ID:
        return None
    return int(text)


def base_url(request: web.Request, services: Services) -> str:
    """Give the address that users see: the setting, else the one under which this request came."""
    return services.settings.url.rstrip("/") or f"http://{request.host}"


def cookie_name(request: web.Request) -> str:
    """Name the session's cookie by port: browsers share cookies between the ports of one host."""
    return f"faultline_{urlsplit('//' + request.host).port or 80}"


async def identify(request: web.Request, services: Services) -> Call:
    """Find out who sent a request: a bearer token first, else a browser's cookie. Raises 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        access = await services.access.token(token.strip())
        if access is not None:
            return Call(request, services, access)
    elif cookie := request.cookies.get(cookie_name(request)):
        session = await services.access.session(cookie)
        if session is not None:
            return Call(request, services, Access("browser"), session.csrf)
    raise ApiError(401, "unauthorized", "Send Authorization: Bearer TOKEN, or sign in with `faultline sign-in`.")


def check_change(call: Call, sent: str) -> None:
    """Refuse a change by a token that may only read, or by a browser's page that isn't ours. Raises 403."""
    if not call.access.write:
        raise ApiError(403, "forbidden", "This token may only read.")
    if call.csrf and not hmac.compare_digest(call.csrf.encode(), sent.encode("utf-8", "replace")):
        raise ApiError(403, "bad_csrf", "The page is too old or not ours: load it again.")
