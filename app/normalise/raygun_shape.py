"""The fields of a Raygun body that are read; names as raygun4py and Raygun's documentation spell them (camelCase).

raygun4js sends PascalCase, others mix both: the tolerant reader matches names in any case.
Source: WIRE.md, "Raygun crashes", "Raygun clients".
"""

from typing import Any

from msgspec import NODEFAULT, Raw, Struct, defstruct
from msgspec.structs import fields


class RaygunFrame(Struct, rename="camel"):
    """One frame; which field holds the function depends on the client (``clients.py``)."""

    line_number: Any = None
    column_number: Any = None
    class_name: str | None = None
    file_name: str | None = None
    method_name: str | None = None


class FullRaygunFrame(RaygunFrame, rename="camel"):
    """The same with the fields that only a page shows."""

    local_variables: Any = None


class RaygunError(Struct, rename="camel"):
    """One error. Its cause stays undecoded until the chain is walked, so that depth costs no recursion."""

    class_name: str | None = None
    message: str | None = None
    stack_trace: list[RaygunFrame | None] | None = None
    inner_error: Raw = Raw(b"null")
    inner_errors: Raw = Raw(b"null")


class FullRaygunError(RaygunError, rename="camel"):
    """The same with the fields that only a page shows."""

    stack_trace: list[FullRaygunFrame | None] | None = None  # type: ignore[assignment]  # the same list with fuller frames
    data: Any = None


class RaygunClient(Struct, rename="camel"):
    """The client that sent the report."""

    name: str | None = None
    version: str | None = None


class RaygunRequest(Struct, rename="camel"):
    """The request's URL and headers; a full event has all fields."""

    url: str | None = None
    host_name: str | None = None
    headers: Any = None


class RaygunDetails(Struct, rename="camel"):
    """The object ``details``."""

    machine_name: str | None = None
    grouping_key: str | None = None
    version: Any = None
    client: RaygunClient | None = None
    error: RaygunError | None = None
    request: RaygunRequest | None = None
    user: Any = None
    tags: Any = None
    user_custom_data: Any = None
    environment: Any = None


class FullRaygunDetails(RaygunDetails, rename="camel"):
    """The same with the fields that only a page shows."""

    error: FullRaygunError | None = None
    request: Any = None
    response: Any = None
    breadcrumbs: Any = None


class RaygunBody(Struct, rename="camel"):
    """One report."""

    details: RaygunDetails
    occurred_on: Any = None


class FullRaygunBody(Struct, rename="camel"):
    """One report with the fields that only its page shows."""

    details: FullRaygunDetails
    occurred_on: Any = None


def _pascal(shape: type[Struct], **types: object) -> Any:  # noqa: ANN401  a type made when the program starts
    """Return the same shape with names in PascalCase, as raygun4js spells them; ``types`` are its nested shapes."""
    own: list[tuple[Any, ...]] = [(field.name, types.get(field.name, field.type)) for field in fields(shape)]
    defaults = [() if field.default is NODEFAULT else (field.default,) for field in fields(shape)]
    named = [(*pair, *default) for pair, default in zip(own, defaults, strict=True)]
    return defstruct(f"Pascal{shape.__name__}", named, bases=(shape,), rename="pascal")


_frame = _pascal(RaygunFrame)
_error = _pascal(RaygunError, stack_trace=list[_frame | None] | None)  # type: ignore[valid-type]  # made above
_details = _pascal(
    RaygunDetails,
    client=_pascal(RaygunClient) | None,
    error=_error | None,
    request=_pascal(RaygunRequest) | None,
)
PascalRaygunBody: type[RaygunBody] = _pascal(RaygunBody, details=_details)
"""One light report of raygun4js."""
