"""Every reply of ingest that is not a success: its stable code, HTTP status, text and ``Retry-After``.

The code is in the reply, in the header ``X-Sentry-Error`` and in the metric of refusals. Texts quote nothing of a
request.
"""

from typing import Final, NamedTuple


class Answer(NamedTuple):
    """The reply for one code: HTTP status, text, seconds for ``Retry-After``.

    ``retry_after`` is a whole number, since sentry-python ignores a fraction; 0 means no such header.
    """

    status: int
    text: str
    retry_after: int = 0


CODES: Final[dict[str, Answer]] = {
    "no_key": Answer(401, "the request has no key in any of the known forms"),
    "wrong_key": Answer(403, "the key is unknown, disabled, or not one of this project"),
    "invalid_project": Answer(400, "a project id is a whole number"),
    "method_not_allowed": Answer(405, "this path takes POST"),
    "slow_client": Answer(408, "the body did not arrive in time"),
    "empty_body": Answer(400, "the request has no body"),
    "incomplete_body": Answer(400, "the body ended early, or its transfer coding is broken"),
    "unknown_encoding": Answer(415, "Content-Encoding is none of gzip, deflate, br, zstd, identity"),
    "bad_encoding": Answer(400, "the body is not what its Content-Encoding says"),
    "body_too_large": Answer(413, "the body is over the limit, packed or unpacked"),
    "event_too_large": Answer(413, "an event is over 1 MiB; the rest of the request was kept"),
    "too_many_items": Answer(413, "the request holds more than 1000 items"),
    "not_json": Answer(400, "the body is not JSON"),
    "not_an_object": Answer(400, "the body is not a JSON object of the expected shape"),
    "no_details": Answer(400, "a Raygun report needs an object details"),
    "not_an_array": Answer(400, "the body is not a JSON array"),
    "invalid_envelope_header": Answer(400, "the first line is not a JSON object"),
    "duplicate_sent_at": Answer(400, "the envelope header has sent_at twice"),
    "invalid_item_header": Answer(400, "an item header is not a JSON object with a type and a sensible length"),
    "item_truncated": Answer(400, "the envelope ends before the length of an item"),
    "item_unterminated": Answer(400, "an item is longer than its length"),
    "unsupported_type": Answer(415, "this Content-Type is not one of security reports"),
    "overloaded": Answer(503, "too many bodies are being received at once", 2),
    "keys_unavailable": Answer(503, "keys cannot be looked up now", 5),
    "log_unavailable": Answer(503, "the log does not answer", 5),
    "log_sealed": Answer(503, "the log is being moved", 5),
    "log_full": Answer(503, "the disk behind the log is nearly full", 60),
    "log_error": Answer(503, "the log refused the records", 5),
    "append_timeout": Answer(503, "the log took too long", 5),
    "internal": Answer(500, "ingest failed on this request"),
}


class Refusal(Exception):
    """A request is refused; ``code`` is one of CODES."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def answer(self) -> Answer:
        """The reply for the code."""
        return CODES[self.code]
