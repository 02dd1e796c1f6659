"""The short cuts by which a message is cut into tokens change nothing: all tokens by the patterns' groups alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.grouping.g1.linear import Token, Tokens
from app.grouping.g1.message import MESSAGE, PARTS, replaced

BY_GROUPS = Tokens(PARTS, skip="(?!)", known=lambda *_: None)
PIECES = st.sampled_from([
    "status", "Status code", "os error", "error code: ", "errno ", "ora-", "http", "HTTP ", "Mon", "Monday,", "Sunday",
    "Monster", "Jan", "Feb 12", "Jan 5 10:00:00 UTC 2026", "12 Jan 2026", "2026-01-02T03:04:05Z", "10.0.0.1", "::1",
    "ab:cd::1", "ab", "cafe", "deadbeef", "0x12ab", "@1234ab", "-42", "+7", "42", "1,2", "1, 2", "3.5", "1e5", "5 MB",
    "12ms", "3s 4s", "user@shop.example", "foo.", "bar,", "C:\\x\\y", "/usr/lib/x.so", "(/home/a/b", "'it'", '"a b"',
    "don't", "o'clock", "é", "\u017ftatus", "\u212a", "data:a/b;base64,xx", "https://a.example/c?d", "a_b", "_",
    "charge_card", "abcdefghijklmno", "abcdefghijklmnop", "abcdefghijklmnopqrstuvwxyz", "ABCdef123ABCdef123ABCdef",
    "web-7d9f8b6c5d-x2v4q", "(order", "(", ")", ":", ".", "\t", "-", "__", "x1y2z3a4b5c6", "v1.2.3", "the", "of",
])  # fmt: skip
LINES = st.builds(str.join, st.sampled_from(["", " ", ": ", ", "]), st.lists(PIECES | st.text(max_size=6), max_size=7))


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_a_message_is_cut_as_by_the_groups_alone(line: str) -> None:
    whole = line.encode(errors="replace").decode()
    assert MESSAGE.sub(replaced, whole) == BY_GROUPS.sub(replaced, whole)


def test_words_and_numbers_are_told_without_the_groups() -> None:
    asked: list[str] = []

    def note(token: Token) -> str:
        asked.append(token.kind)
        return token.text

    assert MESSAGE.sub(note, "no stock of goods (order 123 of user -42)") == "no stock of goods (order 123 of user -42)"
    assert asked == ["number", "number"]
