"""What is marked of what a search found."""

import pytest

from app.web.highlight import marked, words_of


@pytest.mark.parametrize(
    ("query", "text", "shown"),
    [
        ("price", "PriceError: no price", "<mark>Price</mark>Error: no <mark>price</mark>"),
        ("priceerror", "PriceError: x", "<mark>PriceError</mark>: x"),
        ("PriceError", "a priceless error", "a priceless <mark>error</mark>"),
        ("pri*", "a priceless thing", "a <mark>pri</mark>celess thing"),
        ('"no price"', "no price", "<mark>no</mark> <mark>price</mark>"),
        ("-price release:price", "no price", "no price"),
        ("message:price", "no price", "no <mark>price</mark>"),
        ("b", "<b>b</b>&", "&lt;<mark>b</mark>&gt;<mark>b</mark>&lt;/<mark>b</mark>&gt;&amp;"),
        ("", "<b>", "&lt;b&gt;"),
        (".* (", "a.b", "a.b"),
        ("x" * 600, "x", "x"),
    ],
)
def test_words_are_marked_as_search_cuts_them(query: str, text: str, shown: str) -> None:
    assert str(marked(text, words_of(query))) == shown
