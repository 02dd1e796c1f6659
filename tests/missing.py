"""Skips a test, with a line on stderr, whose requirement this machine does not have."""

import os
import sys
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test with the reason; fail it where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"\nskipped: {what}\n")
    pytest.skip(what)
