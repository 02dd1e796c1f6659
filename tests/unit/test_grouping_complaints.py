"""What users of crash reporters complain of: what must meet meets, what must not does not."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import normalise
from app.grouping import group
from app.model import Facts

PAIRS = [
    json.loads(line)
    for line in Path(__file__).with_name("grouping_complaints.jsonl").read_text(encoding="utf-8").splitlines()
]


def _group(pair: dict[str, Any], side: str) -> str:
    facts = Facts(project=1, kind=pair["kind"], category="error", event_id="0" * 32, received=1_780_000_000_000)
    return group(normalise.event(facts, json.dumps(pair[side]).encode())).group


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{at} {pair['why'][:50]}" for at, pair in enumerate(PAIRS)])
def test_a_complaint_is_answered(pair: dict[str, Any]) -> None:
    assert (_group(pair, "a") == _group(pair, "b")) is pair["same"]
