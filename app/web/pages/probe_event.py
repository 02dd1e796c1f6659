"""Sends a test event to a project by its DSN, as an SDK does: it takes the whole way that real events take."""

import time
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp

from app.stores.admin.projects import Project
from app.web.errors import ApiError

SECONDS: Final = 5.0


async def send(project: Project, base: str) -> str:
    """Send one event and return its id. Raises ApiError 502 where the DSN's address does not take it."""
    event_id = uuid4().hex
    parts = urlsplit(project.dsn(base))
    host = parts.netloc.rpartition("@")[2]
    address = f"{parts.scheme}://{host}/api/{project.id}/store/?sentry_key={project.sentry_key}"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session,
            session.post(address, json=_event(event_id)) as answer,
        ):
            if answer.status != 200:  # noqa: PLR2004  what ingest answers once the event is in the log
                raise ApiError(502, "not_accepted", f"{host} answered the test event with status {answer.status}.")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ApiError(
            502,
            "not_reached",
            f"This server does not reach {host}, the address of the DSN ({type(error).__name__}). SDKs may reach it: "
            "send an event from where they run, or set FAULTLINE_URL.",
        ) from error
    return event_id


def _event(event_id: str) -> dict[str, Any]:
    frame = {"function": "send_test_event", "module": "faultline.setup", "filename": "set_up.py", "in_app": True}
    mechanism = {"type": "set-up", "handled": True}
    raised = {
        "type": "TestEvent",
        "value": "sent from the page Set up",
        "mechanism": mechanism,
        "stacktrace": {"frames": [frame]},
    }
    return {
        "event_id": event_id,
        "timestamp": time.time(),
        "platform": "other",
        "level": "error",
        "environment": "test",
        "tags": {"source": "set-up"},
        "exception": {"values": [raised]},
    }
