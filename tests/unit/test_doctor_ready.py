"""The line of ``faultline doctor`` on a server that answers that it is not ready."""

import io
import urllib.error
from email.message import Message

import pytest

from app.cli.doctor import _reasons


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        (b'{"ready": false, "reasons": [{"code": "log_full", "message": "The disk is nearly full."}]}',
         "The disk is nearly full."),
        (b'{"ready": true, "reasons": []}', ""),
        (b"<html>Bad gateway</html>", ""),
    ],
)  # fmt: skip
def test_the_reasons_are_the_server_s_own(body: bytes, reasons: str) -> None:
    answer = urllib.error.HTTPError("http://h/readyz", 503, "Service Unavailable", Message(), io.BytesIO(body))
    assert _reasons(answer) == reasons
