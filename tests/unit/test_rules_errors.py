"""What is wrong with a project's TOML is said with its line."""

import pytest

from app.grouping.rules import RulesError, parse
from app.grouping.rules_errors import explain

NAMED = '[[group_by]]\nname = "ax"\n\n[[group_by]]\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\n\na =", 3, "no TOML: Invalid value"),
        ('in_app = ["x"\n\nfoo', 3, "no TOML: Unclosed array"),
        (f'{NAMED}name = "b"\nby = "x"\n', 6, "Expected `array`, got `str`"),
        ("\nnope = 1\n", 2, "unknown field `nope`"),
        ("# no such table\n[nope]\n", 2, "unknown field `nope`"),
        (f'{NAMED}name = "b"\nfoo = 1\n', 6, "unknown field `foo`"),
        (f'{NAMED}name = "a"\nby = ["typ"]', 5, "group_by 'a': by 'typ'"),
        ("ignore_frames = []\nin_app = [3]\n", 2, "Expected `str`, got `int`"),
        ('# one table is no list\n[group_by]\nname = "a"\n', 2, "Expected `array`, got `object`"),
        ('group_by = [{name = "x", by = 3}]', 1, "Expected `array`, got `int`"),
        (f"{NAMED}by = []\n", 4, "missing required field `name`"),
    ],
)
def test_an_error_names_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(RulesError) as raised:
        parse(text)
    explained = explain(text, raised.value)
    assert f"(at line {line}" in explained
    assert said in explained
    assert "$" not in explained


@pytest.mark.parametrize("text", ["[[never_merge]]\n", f'{NAMED}name = "ax"\n', "a" * 70_000])
def test_an_error_without_a_line_stays_as_it_is(text: str) -> None:
    with pytest.raises(RulesError) as raised:
        parse(text)
    assert explain(text, raised.value) == str(raised.value)
