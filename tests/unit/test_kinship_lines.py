"""Evidence by line: what joins, and each guard with a case that it keeps apart."""

from typing import Any

import pytest

from app.grouping.g2.decision import Spot
from app.grouping.kinship.lines import NO_LINE, Bucket, bucket_of, wrapped_cause
from app.grouping.kinship.stages import Refused
from tests.unit.kinship_parts import groups, sight, together, unlined

CITIES = ("Rio", "Łódź", "St. Gallen", "李伟", "Kraków", "van Dijk", "x", "Oslo", "Ümit", "New York", "Sète", "Bath",
          "Bonn", "Cork")  # fmt: skip


def test_one_line_of_one_build_is_one_statement_whatever_its_words() -> None:
    assert together(sight("Unknown city: Rio"), sight("Es gibt die Stadt nicht: Bonn", 1), sight("", 2))


def test_a_key_links_the_builds_that_it_is_seen_in() -> None:
    one, other = Spot("acme.Routes lookUp", "22"), Spot("acme.Routes lookUp", "31")
    sights = [
        sight("Unknown city: Rio", 0, raised=one), sight("no words in common", 1, raised=one),
        sight("Unknown city: Rio", 2, raised=other, release="2.0"),
        sight("Nothing here at all", 3, raised=other, release="2.0"),
    ]  # fmt: skip
    assert together(*sights)
    assert groups([sights[0], sights[3]]) == 2


@pytest.mark.parametrize(
    ("guard", "changes", "texts"),
    [
        ("rule", {"rule": "fingerprint"}, ("Unknown city: Rio", "Unknown city: Bonn")),
        ("rule", {"cycle": True}, ("Unknown city: Rio", "Unknown city: Bonn")),
        ("read", {"read": True}, ("Unknown city <>", "Closed city <>")),
        ("library", {"library": True}, ("ERROR: deadlock detected", 'ERROR: relation "a" does not exist')),
        ("library", {"in_app": False}, ("ERROR: deadlock detected", "ERROR: out of memory")),
        ("silent", {"silent": True, "type": "Problem"}, ("no such table: a", "database is locked")),
        ("run time", {"type": "KeyError"}, ("'net'", "'tax'")),
        (
            "run time", {"type": "AttributeError"},
            ("'NoneType' object has no attribute 'name'", "'NoneType' object has no attribute 'label'"),
        ),
        ("run time", {"type": "ValueError"}, ("invalid literal for int(): 'a'", "could not convert string: 'a'")),
        (
            "foreign type", {"family": "python", "module": "sqlite3", "type": "OperationalError"},
            ("no such table: a", "database is locked"),
        ),
    ],
)  # fmt: skip
def test_a_guard_keeps_two_bugs_of_one_line_apart(guard: str, changes: dict[str, Any], texts: tuple[str, str]) -> None:
    one, other = (sight(text, at, **changes) for at, text in enumerate(texts))
    refused = bucket_of(one)
    assert isinstance(refused, Refused)
    assert refused.guard == guard
    assert refused.reason
    assert not together(one, other)


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": Spot("acme.Web find", "17")},  # a helper in one place throws for two callers
        {"tokens": ("HTTP 404",)},  # another status, another column
        {"release": "2.0"},  # another statement came to lie on this line
        {"release": "", "day": 20_001},
        {"raised": Spot("acme.Routes lookUp", "1:340")},  # all statements of a minified file are on line 1
        {"type": "OtherException"},
    ],
)
def test_another_place_or_build_is_another_bucket(changes: dict[str, Any]) -> None:
    assert not together(sight("Unknown city: Rio"), sight("Closed town: Bonn", 1, **changes))


def test_the_application_may_word_a_run_time_type_itself() -> None:
    one, other = (sight(f"user {name} must pay first", at, type="KeyError") for at, name in enumerate(("Tom", "x y")))
    assert together(one, other)


def test_a_type_of_the_application_s_own_package_is_its_own() -> None:
    place = {"family": "python", "module": "shop.orders", "raised": Spot("shop.orders load", "9")}
    assert together(sight("a b c", 0, **place), sight("d e f", 1, **place))


def test_of_go_the_wrapped_cause_tells_bugs_of_one_report_apart() -> None:
    texts = ("publish sports: no such feed", "publish 天気: no such feed", "publish sports: connection refused")
    assert groups([sight(text, at, family="go") for at, text in enumerate(texts)]) == 2


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a: b: c", "c"),
        ("no cause", ""),
        ('open "a: b"', ""),
        ('read "a: b": gone', "gone"),
        ('parse: bad "x: y"', 'bad "x: y"'),
        ('a: "unclosed: b', "b"),
    ],
)
def test_the_cause_stands_behind_the_last_colon_outside_of_quotes(text: str, cause: str) -> None:
    assert wrapped_cause(text) == cause


def test_without_a_line_there_is_no_bucket() -> None:
    assert bucket_of(unlined("Unknown city: Rio")) is NO_LINE
    assert isinstance(bucket_of(sight("")), Bucket)


def _at(text: str, offset: int, line: str, release: str) -> Any:  # noqa: ANN401  Features
    return sight(text, offset, raised=Spot("acme.Routes lookUp", line), release=release)


def test_what_texts_have_in_common_links_builds() -> None:
    sights = [_at(f"Unknown city: {city}", at, "22", "1.0") for at, city in enumerate(CITIES[:3])]
    sights += [_at(f"Closed city: {city}", 10 + at, "25", "1.0") for at, city in enumerate(CITIES[:3])]
    sights += [_at(f"Unknown city: {city}", 20 + at, "32", "2.0") for at, city in enumerate(CITIES[4:7])]
    sights += [_at(f"Closed city: {city}", 30 + at, "22", "2.0") for at, city in enumerate(CITIES[7:9])]
    assert groups(sights) == 2


def test_one_text_has_all_its_data_in_common_with_itself() -> None:
    assert not together(_at("Unknown city: Rio", 0, "22", "1.0"), _at("Unknown city: Bonn", 1, "32", "2.0"))


def test_a_text_that_fits_two_lines_of_a_build_links_none() -> None:
    sights = [_at(f"Unknown city: {city}", at, "22", "1.0") for at, city in enumerate(CITIES[:3])]
    sights += [_at(f"Unknown city: {city}", 10 + at, "25", "1.0") for at, city in enumerate(CITIES[3:6])]
    sights += [_at(f"Unknown city: {city}", 20 + at, "32", "2.0") for at, city in enumerate(CITIES[6:8])]
    assert groups(sights) == 3


def test_other_lines_of_one_build_are_other_statements_whatever_their_words() -> None:
    sights = [_at(f"Unknown city: {city}", at, "22", "1.0") for at, city in enumerate(CITIES[:3])]
    sights += [_at(f"Unknown city: {city}", 10 + at, "25", "1.0") for at, city in enumerate(CITIES[3:6])]
    assert groups(sights) == 2


def test_few_letters_in_common_link_nothing() -> None:
    sights = [_at(f"No {city}", at, "22", "1.0") for at, city in enumerate(CITIES[:3])]
    sights += [_at(f"No {city}", 10 + at, "32", "2.0") for at, city in enumerate(CITIES[3:6])]
    assert groups(sights) == 2


def test_one_line_called_from_two_places_is_one_statement_where_the_texts_say_so() -> None:
    callers = (Spot("acme.Web find", "16"), Spot("acme.Web list", "40"))
    same = [sight(f"Unknown city: {city}", at, caller=callers[at % 2]) for at, city in enumerate(CITIES[:4])]
    assert together(*same)
    texts = ("Unknown city: Rio", "the book is lost", "Unknown city: Bonn", "the box is lost")
    helper = [sight(text, at, caller=callers[at % 2]) for at, text in enumerate(texts)]
    assert groups(helper) == 2


def test_without_lines_many_texts_tell_what_a_statement_has_in_common() -> None:
    begins = [unlined(f"Unknown city: {city}", at) for at, city in enumerate(CITIES)]
    assert together(*begins)
    assert groups(begins[:11]) == 11
    ends = [unlined(f"{city} is not open today", at) for at, city in enumerate(CITIES)]
    assert together(*ends)


def test_a_common_end_alone_tells_no_statement_where_few_first_words_vary() -> None:
    firsts = ("unknown coupon", "expired coupon")
    sights = [unlined(f"{firsts[at % 2]} {city} for this quince", at) for at, city in enumerate(CITIES)]
    assert not together(sights[0], sights[1], *sights[2:])


def test_without_lines_guards_hold_too() -> None:
    sights = [unlined(f"Unknown city: {city}", at, library=True) for at, city in enumerate(CITIES)]
    assert groups(sights) == len(CITIES)
