"""Messages without stack: known templates, and words that are the same but for what was put in."""

import pytest

from app.grouping.kinship.messages import aligned, message_rows
from app.grouping.kinship.texts import fits_pattern
from tests.unit.kinship_parts import groups, message, together

PRINTERS = ("could not print the letter to Tom, printer Lobby is off",
            "could not print the letter to Mary Ann Quince, printer 2nd floor is off")  # fmt: skip


def test_a_text_fits_a_template_of_the_project_s_log() -> None:
    pattern = "page %s of book %s cannot be read by the scanner"
    logged = message(pattern, 0, pattern=pattern)
    assert together(logged, message("page 19 of book Мёртвые души cannot be read by the scanner", 1))
    assert together(message("page 3 of book Emma cannot be read by the scanner", 0), logged)
    assert not together(logged, message("page 19 of book Emma was read by the scanner", 1))


def test_two_templates_are_two_statements() -> None:
    one, other = "no reader named %s in the big house", "no clerk named %s in the big house"
    assert not together(message(one, 0, pattern=one), message(other, 1, pattern=other))


def test_a_template_of_few_letters_joins_nothing() -> None:
    assert not together(message("%s: %s", 0, pattern="%s: %s"), message("disk: full", 1))


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("no reader named %s in %s", "no reader named Tom in Rio", True),
        ("no reader named %s in %s", "no reader named in", False),
        ("Parcel for {} left in {}", "Parcel for Tom left in Rio", True),
        ("%(name)s was not invited", "Tom was not invited", True),
        ("%d%% of the disk is used", "93% of the disk is used", True),
        ("item <> is closed today", "item lamp is closed today", True),
        ("constant text without a hole", "constant text without a hole", False),
        ("first %s first %s last word", "first first last word", False),
    ],
)
def test_constants_stand_in_order_anchored_at_both_ends(pattern: str, text: str, fits: bool) -> None:
    assert fits_pattern(pattern, text, 8) is fits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        PRINTERS,
        ("newsletter to Tom was not sent because the list Spring is closed",
         "newsletter to søren was not sent because the list Old friends of the house is closed"),
        ("mail to Tom could not be queued behind Blue Hall", "mail to नेहा could not be queued behind A"),
    ],
)  # fmt: skip
def test_words_are_aligned(one: str, other: str) -> None:
    assert aligned(one, other)
    assert together(message(one), message(other, 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the printer in Lobby is out of paper", "the scanner in Lobby is out of order"),
        ("user Tom is out", "user Bob is out"),  # fewer words in common
        ("order 17 of Tom was sent to the house", "order 18 of Tom was not sent to the house"),  # a word more
        ("the job Alpha of the big one is done", "the job Beta failed on node 7 of rack 12 in hall 9 today at noon"),
    ],
)
def test_other_words_are_other_messages(one: str, other: str) -> None:
    assert not aligned(one, other)
    assert not together(message(one), message(other, 1))


def test_identity_in_the_text_keeps_apart() -> None:
    texts = ("column Isbn1 is missing in the import file", "column Title2 is missing in the import file")
    assert together(message(texts[0]), message(texts[1], 1))
    assert not together(message(texts[0], tokens=("Isbn1",)), message(texts[1], 1, tokens=("Title2",)))


def test_many_messages_tell_their_template_where_nothing_reads_as_data() -> None:
    cities = ("rio", "bonn", "bath", "cork", "oslo", "sete", "lodz", "york", "kiel", "lyon", "nice", "pisa", "turin")
    sights = [message(f"the parcel to {city} was never sent", at) for at, city in enumerate(cities)]
    assert groups(sights[:11]) == 11
    assert groups(sights) == 1


def test_rows_are_few_and_crashes_have_none() -> None:
    assert len(message_rows(message(PRINTERS[0]))) <= 6
    assert not message_rows(message(PRINTERS[0], type="KeyError"))
    assert not message_rows(message(PRINTERS[0], top="acme.Routes lookUp"))
