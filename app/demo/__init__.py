"""``faultline demo``: traffic of a small shop on real SDKs of Python and Node, whose second release crashes often."""

import asyncio

from rich.console import Console

from app.demo.errors import DemoError
from app.demo.traffic import send
from app.settings import Settings

__all__ = ["DemoError", "run"]


def run(settings: Settings, events: int, rate: float) -> int:
    """Send traffic to the running installation and print where to look.

    Args:
        settings: Those that find the installation.
        events: How many events and sessions are sent in all.
        rate: How many a second.

    Returns:
        The exit code: 0 sent, 1 not sent, 2 arguments that cannot be used.
    """
    if events < 1 or rate <= 0:
        return _failed("--events takes a number from 1 on, --rate one above 0", 2)
    try:
        asyncio.run(send(settings, events, rate))
    except DemoError as error:
        return _failed(str(error), 1)
    return 0


def _failed(text: str, code: int) -> int:
    Console(stderr=True, soft_wrap=True).print(f"faultline demo: {text}", style="red", markup=False, highlight=False)
    return code
