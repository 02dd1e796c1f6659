"""The language of queries: any text is read, and compiled to quoted lexemes and operators alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records import EventSummary
from app.stores.search.lexemes import vector
from app.stores.search.query import MAX_CHARACTERS, Term, parse, tsquery
from app.stores.search.text import runs, type_of

LEXEME = r"'(?:[^'\\]|''|\\\\)*'(?::\*?[ABC]?)?"
"""One quoted lexeme with any content."""


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("", []),
        ("   ", []),
        ("timeout card", [Term("", "timeout"), Term("", "card")]),
        ('"card was declined" -test', [Term("", "card was declined"), Term("", "test", negated=True)]),
        ("release:shop@1.0.0", [Term("release", "shop@1.0.0")]),
        ("env:production", [Term("environment", "production")]),
        ("-level:error", [Term("level", "error", negated=True)]),
        ('release:"my app 1.0"', [Term("release", "my app 1.0")]),
        ("release:shop@1.*", [Term("release", "shop@1.", prefix=True)]),
        ("release:*", [Term("release", "", prefix=True)]),
        ('release:"literal*"', [Term("release", "literal*")]),
        ("Unhandled:TRUE", [Term("unhandled", "TRUE")]),
        ("tag.Browser:Chrome", [Term("tag.Browser", "Chrome")]),
        ('-tag."Error Log":"very bad"', [Term("tag.Error Log", "very bad", negated=True)]),
        ('tag."open:x', [Term("", "tag."), Term("", "open:x")]),
        ("TAG.release:x", [Term("TAG.release", "x")]),
        ("tag.release:x", [Term("tag.release", "x")]),
        ("browser:Chrome", [Term("tag.browser", "Chrome", loose=True)]),
        ("event:AAAA-bbbb", [Term("event", "AAAAbbbb")]),
        ("message:declined", [Term("message", "declined")]),
        ("pay*", [Term("", "pay", prefix=True)]),
        ("url:/checkout", [Term("url", "/checkout")]),
        ("http://shop/x", [Term("", "http://shop/x")]),
        ("Shop::Payment", [Term("", "Shop::Payment")]),
        ("KeyError: x", [Term("", "KeyError:"), Term("", "x")]),
        (r"C:\app\main.py", [Term("", r"C:\app\main.py")]),
        ("12:30", [Term("", "12:30")]),
        ('"never closed', [Term("", "never closed")]),
        ('foo"bar baz"-qux', [Term("", "foo"), Term("", "bar baz"), Term("", "qux", negated=True)]),
        ("foo-bar", [Term("", "foo-bar")]),
        ("pay -> -? 100", [Term("", "pay"), Term("", "100")]),
        ("a 🚀", [Term("", "a"), Term("", "🚀")]),
        ("function:pay_now", [Term("function", "pay_now")]),
        ("filename:shop/cart.py", [Term("file", "shop/cart.py")]),
        ("file:-> x", [Term("", "x")]),
        ("user.IP_address:::1 x", [Term("", "user.IP_address:::1"), Term("", "x")]),
        ("user.ip:10.0.0.1", [Term("user.ip", "10.0.0.1")]),
        ("trace:01234567-89ab-cdef", [Term("trace.trace_id", "0123456789abcdef")]),
        ("os.name:Android", [Term("tag.os.name", "Android", loose=True)]),
        ("context.os.name:Android", [Term("context.os.name", "Android")]),
        ('-context."my part.key":7', [Term("context.my part.key", "7", negated=True)]),
        ("handled:true -handled:unknown", [Term("handled", "true"), Term("handled", "unknown", negated=True)]),
        ("handled:FALSE -handled:false", [Term("unhandled", "true"), Term("unhandled", "true", negated=True)]),
        ("is:Unresolved -is:new", [Term("is", "unresolved"), Term("is", "new", negated=True)]),
        ('release:"" release:', [Term("", "release:")]),
    ],
)
def test_a_query_is_parsed_into_terms(query: str, terms: list[Term]) -> None:
    assert parse(query) == terms


@pytest.mark.parametrize(
    ("query", "compiled"),
    [
        ("", ""),
        ("Timeout", "(('timeout'))"),
        ("a b", "(('a')) & (('b'))"),
        ('"a b"', "(('a' <-> 'b'))"),
        ("shop.PaymentService", "(('shop' <-> 'payment' <-> 'service'))"),
        ("PaymentService", "('paymentservice' | ('payment' <-> 'service'))"),
        ("PaymentSer*", "('paymentser':* | ('payment' <-> 'ser':*))"),
        ("-x", "!(('x'))"),
        ("release:It's@1", "('=release=it''s@1')"),
        ("release:a\\b*", "('=release=a\\\\b':*)"),
        ("message:a", "(('a':A))"),
        ("message:a*", "(('a':*A))"),
        ("browser:Fire-fox", "('=tag.browser=fire-fox' | '=browser=fire-fox' | ('browser' <-> 'fire' <-> 'fox'))"),
        ("tag.Browser:x", "('=tag.browser=x')"),
        ("tag.mark:!", "('=tag.mark=!')"),
        ("function:b*", "(('b':*B))"),
        ("file:a.py", "(('a':C <-> 'py':C))"),
        ("context.OS.name:x", "('=os.name=x')"),
        ("os.name:x", "('=tag.os.name=x' | '=os.name=x' | ('os' <-> 'name' <-> 'x'))"),
        ("is:new -a", "!(('a'))"),
        (
            "user:x",
            "('=user=x' | '=user.id=x' | '=user.email=x' | '=user.username=x' | '=user.ip=x' | '=user.name=x')",
        ),
    ],
)
def test_terms_are_compiled_for_postgresql(query: str, compiled: str) -> None:
    assert tsquery(parse(query)) == compiled


def test_an_event_id_finds_its_event() -> None:
    assert "'=event=0123456789abcdef0123456789abcdef'" in tsquery(parse("01234567-89AB-cdef-0123-456789abcdef"))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("x" * (MAX_CHARACTERS + 1), "512 characters"),
        ("a " * 33, "32 terms"),
        ('"' + "a " * 65 + '"', "64 words"),
        ('- * ! "" "?!" -"" & | () <->', "no word"),
        ("*", "no word"),
        ("is:open", "is: takes unresolved, new, regressed, resolved or ignored"),
        ("is:new*", "is: takes"),
    ],
)
def test_a_query_over_a_limit_is_refused(query: str, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        parse(query)


@given(st.text(max_size=60) | st.text("abc:-*\".\\' &|!()<>AB_/é字", max_size=60))
def test_any_text_is_a_query_of_quoted_lexemes_and_operators_alone(query: str) -> None:
    try:
        compiled = tsquery(parse(query))
    except ValueError:
        assert not any(character.isalpha() for character in query)
        return
    assert bool(compiled) == bool(query.strip())
    assert re.fullmatch(r"[()&|!<> -]*", re.sub(LEXEME, "", compiled))
    assert not re.search("[\x00\ud800-\udfff]", compiled)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shop.checkout.PaymentService", ["shop", "checkout", "payment", "service"]),
        ("HTTPServerError in parse_json2", ["http", "server", "error", "in", "parse", "json2"]),
        ("/srv/app/views/cart.py:45", ["srv", "app", "views", "cart", "py", "45"]),
        ("getURL iPhone OAuth2Token", ["get", "url", "i", "phone", "o", "auth2", "token"]),
        ("Ünïcode STRASSE ﬁle", ["ünïcode", "strasse", "file"]),
        ("支払い失敗 カード", ["支", "払", "い", "失", "敗", "カ", "ー", "ド"]),
        ("\x00\ud800!?", []),
        ("🚀launch → €5 ±2", ["🚀", "launch", "→", "€", "5", "±", "2"]),
        ("x" * 500, ["x" * 64]),
    ],
)
def test_text_is_cut_into_words(text: str, words: list[str]) -> None:
    assert [part for run in runs(text) for part in run.parts] == words


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("KeyError: 'x'", "KeyError"),
        ("java.lang.IllegalStateException: a: b\nc", "java.lang.IllegalStateException"),
        ("ZeroDivisionError", "ZeroDivisionError"),
        ("App::Error: x", "App::Error"),
        ("a plain message: with a colon", ""),
        ("", ""),
    ],
)
def test_the_type_of_a_title(title: str, expected: str) -> None:
    assert type_of(title) == expected


@given(st.text(max_size=300), st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=3))
def test_any_event_has_a_vector_of_quoted_lexemes(text: str, tags: dict[str, str]) -> None:
    summary = EventSummary(
        offset=0, event_id="a", project=1, received=0, time=0, group="g", title=text, culprit=text, level="error",
        platform="", release=text, environment="", user=text, unhandled=False, server="", url=text, sdk="", tags=tags,
        text=text, messages=(text,), functions=f"{text}\n{text}", files=text, fields=tags | {"type": text},
    )  # fmt: skip
    words = vector(summary)
    assert re.fullmatch(r"\s*", re.sub(r"'(?:[^'\\]|''|\\\\)*'(?::\d+[ABC]?(?:,\d+[ABC]?)*)?", "", words))
    assert "\x00" not in words
