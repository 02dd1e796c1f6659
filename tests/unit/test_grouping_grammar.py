"""The key grammar of g1 as GROUPING.md, "Keys of g1" has it, computed by hand."""

import json
from hashlib import blake2b

import pytest

from app.grouping import g1
from app.model import Event
from tests.unit.grouping_parts import crash, event, raised


def digest(level: str, *parts: str) -> str:
    return blake2b(json.dumps([1, "g1", level, *parts]).encode(), digest_size=16).hexdigest()


def fingerprinted(*values: str) -> Event:
    made = crash("python", "pay|shop", value="no")
    made.fingerprint = list(values)
    return made


@pytest.mark.parametrize(
    ("case", "key", "coarse"),
    [
        (
            crash("python", "main|app", "pay|shop", value="order 5"),
            ("Error", "shop pay", "order <n>"),
            ("Error", "shop pay"),
        ),
        (
            crash("javascript", "open||src/basket.ts", "invariant||src/invariant.ts", value="no"),
            ("Error", "src/invariant.ts invariant\1src/basket.ts open", "no"),
            ("Error", "src/invariant.ts invariant"),
        ),
        (crash("python", kind="KeyError", value="'a'"), ("KeyError", "", "'a'"), ("KeyError", "", "'a'")),
        (
            event("java", raised("ApplicationNotResponding", "5000 ms", "onResume|com.acme.Main", "get|x.Y")),
            ("\2hang", "com.acme.Main onResume", ""),
            ("\2hang", "com.acme.Main onResume"),
        ),
        (
            crash("python", "load|shop.data", kind="MemoryError", value="5 GB"),
            ("MemoryError", "shop.data load", ""),
            ("MemoryError", "shop.data load"),
        ),
        (
            crash("python", *["walk|tree", "visit|tree"] * 9, kind="RecursionError"),
            ("RecursionError", "tree visit", "tree walk", "cycle"),
            ("RecursionError", "tree visit", "tree walk"),
        ),
        (
            event("javascript", raised("", "Script error."), url="https://a.example/pay?cart=1"),
            ("\2script error", "Script error.", "pay"),
            ("\2script error",),
        ),
        (
            event("python", sdk_name="sentry.python"),
            ("\2nothing", "python", "sentry.python"),
            ("\2nothing", "python"),
        ),
        (fingerprinted("a", "b"), ("\2fingerprint", "a", "b"), ("\2fingerprint", "a", "b")),
        (
            fingerprinted("{{ default }}", "eu"),
            ("\2salted", "{{ default }}", "eu", "Error", "shop pay", "no"),
            ("Error", "shop pay"),
        ),
        (fingerprinted("{{ default }}"), ("Error", "shop pay", "no"), ("Error", "shop pay")),
        (
            event(
                "python",
                raised("ValueError", "b", "b|shop", exception_id=2, parent_id=0),
                raised("TypeError", "a", "a|shop", exception_id=1, parent_id=0),
                raised("ExceptionGroup", "2 sub-exceptions", "main|app", exception_id=0, is_group=True),
            ),
            ("\2tree", "TypeError\1shop a\1a", "ValueError\1shop b\1b"),
            ("\2tree", "TypeError\1shop a", "ValueError\1shop b"),
        ),
    ],
)
def test_keys(case: Event, key: tuple[str, ...], coarse: tuple[str, ...]) -> None:
    grouped = g1.group(case)
    assert (grouped.group, grouped.coarse) == (digest("group", *key), digest("coarse", *coarse))


def test_variants() -> None:
    case = crash("python", "main|app", "pay|shop", value="no")
    key = ("Error", "shop pay", "no")
    assert g1.group(case).variant == digest("variant", *key, "Error", "app main", "shop pay")
