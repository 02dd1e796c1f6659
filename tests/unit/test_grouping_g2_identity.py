"""What fills a hole: identity or data."""

import pytest

from app.grouping import g2
from app.grouping.g2.identity import NOUNS, is_identity, tokens
from tests.unit.grouping_g2_parts import crash, same

CASES = [
    # value, before, after, expression, identity
    ("404", "HTTP ", "", "code", True),
    ("404", "HTTP/1.1 ", " of x", "code", True),
    ("503", "server said status ", "", "s", True),
    ("503", "status code: ", "", "s", True),
    ("503", "status=", "", "s", True),
    ("PENDING", "status ", " is final", "s", True),
    ("pending", "status ", " is final", "s", False),
    ("28", "[Errno ", "] no space", "e", True),
    ("2", "(os error ", ")", "e", True),
    ("23505", "SQLSTATE[", "]", "state", True),
    ("HY000", "SQLSTATE[", "]: General", "state", True),
    ("0x80004005", "error code ", "", "hr", True),
    ("137", "exit code ", "", "n", True),
    ("-9", "return code ", "", "n", True),
    ("1062", "error #", "", "n", True),
    ("00942", "ORA-", ": no table", "n", True),
    ("5", "locked (Code: ", ")", "n", True),
    ("1042", "E", ": card", "code", True),
    ("17", "[PAY", "] refused", "n", True),
    ("42", "failed with ERR", "", "n", True),
    ("1042", "E", " times", "code", False),
    ("1042", "order ", ": gone", "id", False),
    ("1", "E", ": card", "code", False),
    ("1234567", "E", ": card", "code", False),
    ("1042", "e", ": card", "code", False),
    ("SPRING-1481", "unknown coupon '", "' for ", "code", False),
    ("SPRING", "unknown coupon ", " for ", "code!r", False),
    ("404", "order ", "", "status", False),
    ("HTTP 404", "the server said ", "", "text", False),
    ("email", "field '", "' is required", "x", True),
    ("email", "field ", " is required", "x", True),
    ("'email'", "field ", " is required", "x!r", True),
    ("billing.address", "unknown attribute ", "", "x", True),
    ("created_at", 'column "', '" of relation ', "x", True),
    ("Content-Type", "header: ", " is missing", "x", True),
    ("email", "the '", "' field is required", "x", True),
    ("orders", "no ", " table", "x", True),
    ("email", "", " is required", "field", True),
    ("email", "", " is required", "self.field", True),
    ("email", "", " is required", "form_field", True),
    ("email", "", " is required", "currentField", True),
    ("orders", "", " is locked", "row.table", True),
    ("email", "", " is required", "name", False),
    ("email", "", " is required", "editable", False),
    ("email", "", " is required", "field_value", False),
    ("address2", "field '", "' is required", "x", False),
    ("API_KEY", "variable ", " is not set", "x", False),
    ("my email", "field '", "' is required", "x", False),
    ("élan", "field '", "' is required", "x", False),
    ("a" * 61, "field ", "", "x", False),
    ("", "field '", "' is required", "x", False),
    ("...", "field ", "", "x", False),
    ("bilebaga", "nothing found for '", "'", "text", False),
    ("bobo", 'cannot be called "', '"', "name", False),
    ("pear", "battlefield ", "", "x", False),
    ("pear", "in the field of ", "", "x", False),
]  # fmt: skip


@pytest.mark.parametrize(("value", "before", "after", "expression", "identity"), CASES)
def test_codes_and_names_beside_a_noun_of_code_are_identity(
    value: str, before: str, after: str, expression: str, identity: bool
) -> None:
    assert is_identity(value, before, after, expression) is identity


@pytest.mark.parametrize("noun", NOUNS)
def test_each_noun_of_code_makes_a_name_identity(noun: str) -> None:
    assert is_identity("email", f"no such {noun} ", "", "x")
    assert is_identity("email", f"no such {noun}: '", "'", "x")
    assert is_identity("email", "the ", f" {noun} is missing", "x")
    assert not is_identity("email", f"no such {noun}less ", "", "x")


@pytest.mark.parametrize(
    ("source", "one", "other", "together"),
    [
        ("raise X(f\"field '{field}' is required\")", "field 'email' is required", "field 'name' is required", False),
        ("raise X(f'coupon {code!r} is unknown')", "coupon 'SPRING' is unknown", "coupon 'half' is unknown", True),
        ("raise X(f'SQLSTATE[{s}] on a table')", "SQLSTATE[23505] on a table", "SQLSTATE[40001] on a table", False),
        ("raise X(f'upstream: HTTP {code}')", "upstream: HTTP 404", "upstream: HTTP 500", False),
        ("raise X(f'upstream sent {n} rows')", "upstream sent 404 rows", "upstream sent 500 rows", True),
        ("raise X(f'{header} is missing')", "Accept is missing", "Host is missing", False),
        ("raise X(f'{person} is missing')", "Ann is missing", "Tom is missing", True),
    ],
)
def test_identity_is_part_of_the_key(source: str, one: str, other: str, together: bool) -> None:
    assert same(crash("python", source, one), crash("python", source, other)) is together


def test_identity_is_told_by_the_value_whatever_its_quotes() -> None:
    one = crash("python", "raise X(f'field {name!r} is required')", "field 'email' is required")
    assert g2.decide(one).template == "field email is required"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Request failed with status code 404", ("404",)),
        ("[Errno 28] No space left on device: '/data/a.bin'", ("28",)),
        ("connect ECONNREFUSED 10.0.0.7:443", ("ECONNREFUSED",)),
        ("E1042: card was refused", ("E1042",)),
        ("[PAY17] card was refused", ("PAY17",)),
        ('column "shipping" of relation "orders" does not exist', ("shipping", "orders")),
        ("the 'email' field is required", ("email",)),
        ("SQLSTATE[HY000]: General error: 2006 gone", ("HY000",)),
        ("locked (Code: 5)", ("5",)),
        ("Unknown city: Rio", ()),
        ("no shelf 'A' for field trips", ()),
        ("ERROR: EXPECTED END", ()),
        ("key 'API_KEY' is not set", ()),
    ],
)
def test_identity_without_a_literal(text: str, found: tuple[str, ...]) -> None:
    assert tokens(text) == found
