"""``faultline settings``, and what commands share to show things."""

from typing import Any

import msgspec
from msgspec import Meta
from rich.console import Console
from rich.table import Table

from app import settings as _settings
from app.settings import PREFIX, Settings

out = Console()


def load() -> Settings:
    """Load the settings as every command does. Raises SettingsError."""
    return _settings.load()


def settings() -> None:
    """List every setting: its name, its value now, its default and what it means."""
    now = load()
    rows = Table("setting", "now", "default", "meaning")
    for field in msgspec.structs.fields(Settings):
        rows.add_row(
            PREFIX + field.name.upper(), _mask(getattr(now, field.name)), str(field.default), _meaning(field.type)
        )
    out.print(rows)


def _meaning(annotation: Any) -> str:  # noqa: ANN401  an annotation, whatever its type
    metas = [meta for meta in annotation.__metadata__ if isinstance(meta, Meta)]
    return metas[0].description or ""


def _mask(value: object) -> str:
    """Hide the password of an address."""
    text = str(value)
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:…@{host}" if separator and at and ":" in user else text
