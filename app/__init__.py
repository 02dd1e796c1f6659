"""Faultline: a self-hosted crash-reporting pipeline.

``faust -A app worker`` reads the attribute ``app.app``. It is built at first access, so that importing a module of this
package does not import Faust.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.stream.faust_app import FaustApp


@cache
def _first_app() -> "FaustApp":
    from app import settings  # noqa: PLC0415  only the worker may import Faust
    from app.runtime import worker  # noqa: PLC0415  only the worker may import Faust

    return worker.build(settings.load())[0].faust


def __getattr__(name: str) -> "FaustApp":
    if name == "app":
        return _first_app()
    raise AttributeError(f"module 'app' has no attribute {name!r}")
