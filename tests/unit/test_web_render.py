"""Templates: values from outside are escaped; and the comparison of releases."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markupsafe import Markup

from app.stores.aggregates.types import ReleaseRow
from app.web import render
from app.web.pages import releases
from app.web.pages.values import Budget, value_html
from app.web.snippets import snippets

TEMPLATES = Path(render.STATIC).parent / "templates"


def _macro(name: str) -> Callable[..., Markup]:
    macro: Callable[..., Markup] = getattr(render.TEMPLATES.get_template("_macros.html").module, name)
    return macro


def test_values_are_escaped() -> None:
    hostile = "<script>alert(1)</script>\"' onload=x"
    for shown in (
        _macro("text")(hostile),
        _macro("title")("Error: " + hostile),
        _macro("cause")("Error: " + hostile),
        value_html({hostile: [hostile, {hostile: {hostile: {hostile: {hostile: hostile}}}}]}, Budget(100_000)),
        value_html({str(place): hostile * 40 for place in range(90)}, Budget(100_000)),
        render.unknown(hostile),
    ):
        assert "<script" not in shown
        assert isinstance(shown, Markup)


def test_secrets_that_were_replaced_are_marked() -> None:
    shown = _macro("text")("card=[Filtered]")
    assert shown.startswith("card=<mark")


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: str(path.name))
def test_no_template_needs_what_the_policy_forbids(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text), "inline script"
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=", text), "inline style or handler"
    assert not re.search(r"(?:src|href|action)=[\"']https?:", text), "another origin"
    assert "| safe" not in text


def test_the_policy_allows_nothing_inline_and_no_other_origin() -> None:
    assert "unsafe" not in render.POLICY
    assert "http" not in render.POLICY
    assert "frame-ancestors 'none'" in render.POLICY


def test_snippets_hold_the_real_keys_and_no_placeholder() -> None:
    filled = snippets("http://k1@h:1/7", "http://h:1", "k2")
    assert {snippet.language for snippet in filled} == {
        "Python", "Node", "Browser", "Java", "Go", ".NET", "Ruby", "Django", "FastAPI", "Next.js", "Laravel", "Rails",
        "Flutter", "Android", "iOS",
    }  # fmt: skip
    for snippet in filled:
        assert "http://k1@h:1/7" in snippet.code or "k2" in snippet.code
        assert not re.search(r"%[A-Z]+%", snippet.code)


def _release(sessions: int, crashed: int) -> ReleaseRow:
    free = 1 - crashed / sessions if sessions else None
    return ReleaseRow("r", 0, 0, sessions, crashed, free, free, 1.0, 0)


@pytest.mark.parametrize(
    ("now", "before", "word"),
    [
        (_release(1000, 40), _release(1000, 10), "worse"),
        (_release(67, 16), _release(238, 6), "worse"),
        (_release(1000, 10), _release(1000, 40), "better"),
        (_release(1000, 11), _release(1000, 10), "not worse"),
        (_release(100_000, 1300), _release(100_000, 1000), "not worse"),
        (_release(50, 2), _release(1000, 10), "not enough data"),
        (_release(19, 19), _release(1000, 10), "not enough data"),
        (_release(0, 0), _release(1000, 10), "not enough data"),
        (_release(1000, 0), _release(1000, 0), "not worse"),
        (_release(1000, 500), None, "first release"),
    ],
)
def test_releases_are_compared_only_where_the_difference_is_significant(
    now: ReleaseRow, before: ReleaseRow | None, word: str
) -> None:
    assert releases.compare(now, before).word == word
