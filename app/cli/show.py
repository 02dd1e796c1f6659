"""``faultline settings``, and the output that commands share."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import settings as _settings
from app.settings import PREFIX, Settings, meaning

out = Console()

_KEY: Final = re.compile(r"([?&]api_key=)[^&]*")


class CliError(Exception):
    """A command cannot be done; the text says why."""

    code = "command"


def load() -> Settings:
    """Load the settings. Raises SettingsError."""
    return _settings.load()


def settings() -> None:
    """List every setting: its name, its value now, its default and what it means."""
    now = load()
    table(
        ("setting", "now", "default", "meaning"),
        (
            (PREFIX + field.name.upper(), _mask(getattr(now, field.name)), str(field.default), meaning(field.type))
            for field in msgspec.structs.fields(Settings)
        ),
    )


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows: a table on a terminal, else one line a row with tabs between, nothing cut or folded."""
    if not out.is_terminal:
        for row in (names, *rows):
            out.file.write("\t".join(" ".join(cell.split()) for cell in row) + "\n")  # rich would expand the tabs
        return
    grid = Table(*names)
    for row in rows:
        grid.add_row(*map(Text, row))  # not parsed: what an application sent may look like markup
    out.print(grid)


def _mask(value: object) -> str:
    """Return an address without its password or key."""
    text = _KEY.sub(r"\1…", str(value))
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:…@{host}" if separator and at and ":" in user else text
