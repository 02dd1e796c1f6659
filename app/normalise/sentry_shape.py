"""The fields of a Sentry event that are read, as sent: all optional, each nullable, since SDKs send null for any.

Generic in the frame, so that a light event decodes only what grouping and search need. Excluded from garbage
collection (``gc=False``): JSON is a tree, so that no cycle arises. Source: WIRE.md, "Sentry events".
"""

from typing import Any, Generic, TypeVar

from msgspec import Raw, Struct


class LightFrame(Struct, gc=False):
    """One frame; ``lineno`` and ``colno`` count from 1."""

    function: str | None = None
    module: str | None = None
    filename: str | None = None
    abs_path: str | None = None
    lineno: int | None = None
    colno: int | None = None
    in_app: bool | None = None
    package: str | None = None
    symbol: str | None = None
    instruction_addr: Any = None
    context_line: str | None = None
    raw_function: str | None = None
    image_addr: Any = None
    pre_context: Raw = Raw(b"null")
    post_context: Raw = Raw(b"null")
    """Undecoded: they are read of the few frames alone that grouping reads."""


class FullFrame(LightFrame):
    """The same with the fields that only a page shows."""

    pre_context: Any = None
    post_context: Any = None
    vars: Any = None


F = TypeVar("F", bound=LightFrame)


class Stack(Struct, Generic[F], gc=False):
    """Frames, outermost first."""

    frames: list[F | None] | None = None
    registers: Raw = Raw(b"null")


class Mechanism(Struct, gc=False):
    """The mechanism that caught the exception, and the exception's place in a tree of exceptions."""

    type: str | None = None
    handled: bool | None = None
    synthetic: bool | None = None
    exception_id: int | None = None
    parent_id: int | None = None
    is_exception_group: bool | None = None


class ExceptionValue(Struct, Generic[F], gc=False):
    """One exception."""

    type: str | None = None
    value: Any = None
    module: str | None = None
    thread_id: Any = None
    mechanism: Mechanism | None = None
    stacktrace: Stack[F] | None = None
    raw_stacktrace: Stack[F] | None = None


class ExceptionField(ExceptionValue[F], Generic[F]):
    """``exception`` as an object: with values, or one exception itself."""

    values: list[ExceptionValue[F] | None] | None = None


class ThreadValue(Struct, Generic[F], gc=False):
    """One thread."""

    id: Any = None
    name: str | None = None
    crashed: bool | None = None
    current: bool | None = None
    main: bool | None = None
    state: Any = None
    stacktrace: Stack[F] | None = None
    raw_stacktrace: Stack[F] | None = None


class ThreadField(Struct, Generic[F], gc=False):
    """``threads`` as an object."""

    values: list[ThreadValue[F] | None] | None = None


class LogEntry(Struct, gc=False):
    """A message with its parameters."""

    formatted: str | None = None
    message: str | None = None
    params: Any = None


class RequestField(Struct, gc=False):
    """The request's URL and headers; a full event has all fields."""

    url: str | None = None
    headers: Any = None


class Settings(Struct, gc=False):
    """The settings of the SDK."""

    infer_ip: str | None = None


class Sdk(Struct, gc=False):
    """The SDK that sent the event."""

    name: str | None = None
    version: str | None = None
    settings: Settings | None = None


class Template(Struct, gc=False):
    """The place where a template failed."""

    filename: str | None = None
    lineno: int | None = None
    context_line: str | None = None


class Csp(Struct, gc=False):
    """A report of a Content-Security-Policy, inside an event."""

    effective_directive: str | None = None
    blocked_uri: str | None = None


class SentryEvent(Struct, Generic[F], gc=False):
    """The event item's payload."""

    timestamp: Any = None
    platform: str | None = None
    level: Any = None
    logger: str | None = None
    message: str | LogEntry | None = None
    logentry: LogEntry | str | None = None
    transaction: str | None = None
    culprit: str | None = None
    release: str | None = None
    environment: str | None = None
    server_name: str | None = None
    exception: ExceptionField[F] | list[ExceptionValue[F] | None] | None = None
    threads: ThreadField[F] | list[ThreadValue[F] | None] | None = None
    stacktrace: Stack[F] | None = None
    template: Template | None = None
    csp: Csp | None = None
    fingerprint: Any = None
    user: Any = None
    tags: Any = None
    sdk: Sdk | None = None
    request: RequestField | None = None
    contexts: Any = None


class FullSentryEvent(SentryEvent[F], Generic[F]):
    """The same with the fields that only a page shows."""

    breadcrumbs: Any = None
    extra: Any = None
    modules: Any = None
    debug_meta: Any = None
    request: Any = None
