"""The event loop of the long-running processes."""

import asyncio


def new_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's, or asyncio's on a platform for which there is no uvloop."""
    try:
        import uvloop  # noqa: PLC0415  it is optional
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
