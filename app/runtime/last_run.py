"""Where and when ``faultline up`` last ran on a data folder: kept in the folder, for those who find it stopped."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from app.private_files import write_private

NAME: Final = "last-run.json"


def note_start(data: Path, url: str, host: str) -> None:
    """Keep that everything is ready at an address, on a machine."""
    _write(data, {"url": url, "host": host, "started": int(time.time())})


def note_stop(data: Path) -> None:
    """Keep when it stopped."""
    known = _read(data)
    if known:
        _write(data, {**known, "stopped": int(time.time())})


def last_run(data: Path) -> str:
    """Return the last run as the end of a sentence, "" where the folder has none."""
    known = _read(data)
    if not known:
        return ""
    stopped = known.get("stopped")
    end = f"stopped {_time(stopped)}" if isinstance(stopped, int) else "did not stop in order"
    return f"; it last ran at {known.get('url')} on {known.get('host')}, started {_time(known.get('started'))}, {end}"


def _time(seconds: object) -> str:
    if not isinstance(seconds, int):
        return "at an unknown time"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _read(data: Path) -> dict[str, object]:
    try:
        content = json.loads((data / NAME).read_text())
    except (OSError, ValueError):  # never written, or cut by a full disk: it only informs
        return {}
    return content if isinstance(content, dict) else {}


def _write(data: Path, content: dict[str, object]) -> None:
    write_private(data / NAME, json.dumps(content) + "\n")
