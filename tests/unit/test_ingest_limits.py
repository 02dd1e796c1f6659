"""The table of limits in WIRE.md says what the code does."""

import re
from pathlib import Path

from app.cells import SKEW
from app.ingest import limits
from app.ingest.deadlines import CHECKS
from app.ingest.limits import BodyLimits
from app.log.postgres.writer import COMMIT_SECONDS

ROW = re.compile(r"^\| .* \| (\d+)(?: (KiB|MiB|s|ms))? \| `([\w.]+)` \|$", re.MULTILINE)
FACTORS = {"KiB": limits.KIB, "MiB": limits.MIB}
PARTS = {name: part for name, part in vars(limits).items() if name.isupper() and name not in ("KIB", "MIB")}


def table() -> dict[str, int]:
    text = Path(limits.__file__).with_name("WIRE.md").read_text(encoding="utf-8")
    return {name: int(value) * FACTORS.get(unit, 1) for value, unit, name in ROW.findall(text)}


def test_the_table_shows_each_value() -> None:
    for name, value in table().items():
        constant, _, field = name.partition(".")
        assert value == (getattr(PARTS[constant], field) if field else PARTS[constant]), name


def test_the_table_shows_each_limit() -> None:
    assert {name.partition(".")[0] for name in table()} == set(PARTS)


def test_limits_fit_each_other() -> None:
    assert limits.APPEND_MS == SKEW * 1000 / 2
    assert COMMIT_SECONDS < limits.APPEND_SECONDS < 10 / (1 + 1 / CHECKS)
    assert limits.KNOWN_SECONDS + limits.LOOKUP_SECONDS < 60
    assert all(part.packed <= part.unpacked for part in PARTS.values() if isinstance(part, BodyLimits))
    assert limits.STORE_LIMITS.unpacked > limits.MAX_RECORD * 4 / 3
