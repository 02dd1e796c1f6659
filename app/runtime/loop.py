"""The event loop of the long-running processes: uvloop where there is one for the platform."""

import asyncio
from collections.abc import Callable

try:
    from uvloop import new_event_loop as _new_loop
except ImportError:  # no wheel for this platform
    _new_loop = asyncio.new_event_loop

new_loop: Callable[[], asyncio.AbstractEventLoop] = _new_loop
"""Returns a new event loop."""
