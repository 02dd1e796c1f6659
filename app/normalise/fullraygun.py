"""Adds what only an event's page shows of a Raygun body."""

from typing import Any

from app.model import Event, Frame
from app.normalise.full import breadcrumbs
from app.normalise.raygun_shape import FullRaygunDetails, FullRaygunError, FullRaygunFrame, RaygunFrame
from app.normalise.text import Notes, tidy


def variables(frames: list[Frame], raw: list[RaygunFrame]) -> None:
    """Add each frame's variables."""
    for frame, fields in zip(frames, raw, strict=True):
        if isinstance(fields, FullRaygunFrame) and isinstance(fields.local_variables, dict):
            frame.vars = tidy(fields.local_variables)


def raygun(event: Event, details: FullRaygunDetails, notes: Notes) -> None:
    """Add request, environment, custom data and breadcrumbs."""
    event.request = _object(details.request)
    sections = {"environment": details.environment, "response": details.response}
    event.contexts = {name: tidy(section) for name, section in sections.items() if section}
    event.extra = _object(details.user_custom_data)
    error = details.error
    if isinstance(error, FullRaygunError) and error.data:
        event.extra["error data"] = tidy(error.data)
    event.breadcrumbs = breadcrumbs(details.breadcrumbs, notes)


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401  any JSON value
    return tidy(value) if isinstance(value, dict) else {"value": tidy(value)} if value else {}
