"""Highlighting of a query's words in search results."""

import pytest

from app.web.highlight import marked, word_pattern


@pytest.mark.parametrize(
    ("query", "text", "html"),
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
def test_words_are_marked_by_the_tokens_of_search(query: str, text: str, html: str) -> None:
    assert str(marked(text, word_pattern(query))) == html
