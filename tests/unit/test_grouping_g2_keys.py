"""A missing key is identity where the source line shows it, and data where the line builds it."""

import pytest

from app.grouping import g2
from app.grouping.g2.keys import KEY
from tests.unit.grouping_g2_parts import crash, same

READ = "Cannot read properties of undefined (reading 'pear')"
DATA = [
    ("python", "KeyError", "'pear 5'", "return PRICES[sku]"),
    ("python", "KeyError", "'pear-xl'", 'return PRICES[f"{sku}-xl"]'),
    ("python", "KeyError", "'pear-xl'", "return PRICES[sku + '-xl']"),
    ("python", "KeyError", "5", "return PRICES[number]"),
    ("python", "KeyError", "('pear', 5)", "return PRICES[sku, number]"),
    ("python", "KeyError", "''", "return PRICES[sku]"),
    ("python", "KeyError", "'pear-5'", "return shop['prices'][sku]"),
    ("python", "KeyError", "'pear'", "return prices.pop(sku.lower())"),
    ("python", "KeyError", "'pear 5'", ">return prices.pop(\n    sku,\n)"),
    ("js", "TypeError", READ, "return prices[country][sku + size].net;"),
    ("js", "TypeError", READ, "return prices?.[country][`${sku}`];"),
    ("ruby", "KeyError", 'key not found: "pear"', 'prices.fetch("#{sku}")'),
    ("ruby", "KeyError", "key not found: :pear", 'prices.fetch("#{sku}".to_sym)'),
    ("php", "ErrorException", 'Undefined array key "pear"', "return $prices[trim($sku)];"),
]
IDENTITY = [
    ("python", "KeyError", "'net'", "return row['net']"),
    ("python", "KeyError", "'net'", 'return rows[at]["net"]'),
    ("python", "KeyError", "'net'", "return row.pop('net')"),
    ("python", "KeyError", "'net'", "return '{net} of {gross}'.format(**row)"),
    ("python", "KeyError", "'net'", "return '%(net)s' % rows[at]"),
    ("python", "KeyError", "'net'", ">return rows[\n    at\n]['net']"),
    ("python", "KeyError", "'net'", "return load(row)"),
    ("python", "KeyError", "'net'", "return SETTINGS[name]"),
    ("python", "KeyError", "'net'", "return self.settings[self.name]"),
    ("python", "KeyError", "'net'", ""),
    ("python", "LookupError", "'net'", "return rows[at]"),
    ("js", "TypeError", "Cannot read properties of undefined (reading 'net')", "return rows[at].net;"),
    ("js", "TypeError", "Cannot read properties of undefined (reading 'net')", "const { net } = rows[at];"),
    ("ruby", "KeyError", "key not found: :net", "row.fetch(:net)"),
    ("php", "ErrorException", 'Undefined array key "net"', "return $rows[$at]['net'];"),
]


@pytest.mark.parametrize(("language", "kind", "text", "source"), DATA)
def test_a_key_that_an_expression_made_is_data(language: str, kind: str, text: str, source: str) -> None:
    one = crash(language, source, text, kind=kind)
    other = crash(language, source, text.replace("pear", "plum").replace("5", "6"), kind=kind)
    assert same(one, other)
    assert KEY in g2.decide(one).template
    reasons = [part.why for part in g2.explain(one) if part.name == "message"]
    assert reasons == ["the line that raised shows an expression in the key's place: the key is data"]


@pytest.mark.parametrize(("language", "kind", "text", "source"), IDENTITY)
def test_a_key_that_the_source_shows_or_that_no_source_is_known_of_is_identity(
    language: str, kind: str, text: str, source: str
) -> None:
    one = crash(language, source, text, kind=kind)
    other = crash(language, source.replace("net", "tax"), text.replace("net", "tax"), kind=kind)
    assert not same(one, other)
    assert KEY not in g2.decide(one).template


def test_long_lines_are_read_in_linear_time() -> None:
    source = "return PRICES[sku" + "[a" * 20_000 + "\n" + "('" * 20_000
    assert g2.group(crash("python", source, "'pear'", kind="KeyError")).group
