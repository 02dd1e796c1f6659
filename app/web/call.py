"""One authenticated request, as handlers get it. Access is checked here, before any store is read."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from app.stores.admin.access import Access
from app.stores.admin.projects import Project
from app.stores.aggregates.types import GroupRow
from app.web import params
from app.web.errors import ApiError, bad_request, not_found
from app.web.params import Query
from app.web.services import Services

Body = TypeVar("Body", bound=msgspec.Struct)


@dataclass
class Call:
    """A request whose sender is known, with what the sender may access."""

    request: web.Request
    services: Services
    access: Access
    csrf: str = ""
    """The token that forms of this browser must send; '' for a bearer token."""

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query string, the first of each name."""
        return self.request.query

    @property
    def base(self) -> str:
        """The address under which users reach Faultline, without a slash at its end."""
        return base_url(self.request, self.services)

    def parameters(self, kind: type[Query]) -> Query:
        """Read the query string as ``kind``. Raises 400."""
        return params.read(kind, self.query)

    async def project(self) -> Project:
        """Return the project that the path names. Raises 403 where the token may not use it, 404 if there is none."""
        number = params.whole_number(self.request.match_info["project"])
        if number is None:
            raise not_found("project")
        if not self.access.may_see(number):
            raise ApiError(403, "forbidden", "This token may not use this project.")
        project = await self.services.projects.get(number)
        if project is None:
            raise not_found("project")
        return project

    async def group(self, name: str = "") -> GroupRow:
        """Return the group that the path (or ``name``) names, with its merged members summed. Raises 404."""
        row = await self.services.aggregates.group(name or self.request.match_info["group"].lower().replace("-", ""))
        if row is None or not self.access.may_see(row.project):
            raise not_found("group")
        return row

    async def body(self, kind: type[Body]) -> Body:
        """Read the JSON body of a request. Raises 400."""
        try:
            return msgspec.json.decode(await self.request.read(), type=kind)
        except msgspec.DecodeError as error:
            fields = ", ".join(item.name for item in msgspec.structs.fields(kind))
            raise bad_request("bad_body", f"The body must be a JSON object with: {fields}.") from error


def base_url(request: web.Request, services: Services) -> str:
    """Return the address that users see: the setting, else the address of this request."""
    return services.settings.url.rstrip("/") or f"http://{request.host}"


def cookie_name(request: web.Request) -> str:
    """Return the session cookie's name, which holds the port: browsers share cookies between the ports of a host."""
    return f"faultline_{urlsplit('//' + request.host).port or 80}"


async def identify(request: web.Request, services: Services) -> Call:
    """Authenticate a request by its bearer token, else by the browser's cookie. Raises 401."""
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


def check_write(call: Call, csrf: str) -> None:
    """Refuse a change by a read-only token, or by a form without the browser's CSRF token. Raises 403."""
    if not call.access.write:
        raise ApiError(403, "forbidden", "This token may only read.")
    if call.csrf and not hmac.compare_digest(call.csrf.encode(), csrf.encode("utf-8", "replace")):
        raise ApiError(403, "bad_csrf", "The page is out of date or was not served by Faultline. Reload it.")
