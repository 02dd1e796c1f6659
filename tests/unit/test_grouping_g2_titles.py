"""What a person reads of a group, why it grouped so, and that versions are found by name."""

import pytest

from app.grouping import explain, g1, g2, group, versions
from app.model import Event, Frame, Thread
from tests.unit.grouping_g2_parts import crash, event, frame
from tests.unit.grouping_parts import crash as plain_crash
from tests.unit.grouping_parts import raised


def test_versions_are_found_by_name_and_the_first_is_the_default() -> None:
    one = crash("python", "raise X(f'no {name} left')", "no pear left")
    assert list(versions) == ["g1", "g2"]
    assert group(one) == group(one, "g1") == g1.group(one)
    assert group(one, "g2") == versions["g2"].group(one) == g2.group(one)
    assert (group(one, "g1").version, group(one, "g2").version) == ("g1", "g2")
    assert explain(one) == g1.explain(one)
    assert explain(one, "g2") == g2.explain(one)
    with pytest.raises(KeyError):
        group(one, "g3")


def test_ids_of_two_versions_never_meet() -> None:
    one = plain_crash("python", "pay|shop.pay")
    assert {g1.group(one).group, g1.group(one).coarse, g1.group(one).variant}.isdisjoint(
        {g2.group(one).group, g2.group(one).coarse, g2.group(one).variant}
    )


def _chain() -> Event:
    cause = raised("KeyError", "'adyen'", "provider|shop.pay")
    return event("python", cause, raised("PaymentFailed", "payment of order 5 failed\nmore", "pay|shop.orders"))


def test_the_title_is_the_outermost_error_with_what_caused_it() -> None:
    grouped = g2.group(_chain())
    assert (grouped.title, grouped.cause) == ("PaymentFailed: payment of order 5 failed", "KeyError: 'adyen'")
    assert grouped.culprit == "provider in shop.pay"


def test_an_error_that_decides_itself_has_no_cause() -> None:
    assert g2.group(plain_crash("python", "pay|shop.pay")).cause == ""
    outer = raised("PaymentFailed", "no", "pay|shop.orders")
    assert g2.group(event("python", raised("SSLError", "eof", "-read|ssl"), outer)).cause == ""


def test_a_group_of_exceptions_goes_by_its_own_type_and_the_number_of_its_parts() -> None:
    members = [
        raised("TimeoutError", "no answer", f"{leaf}|shop", exception_id=at, parent_id=0)
        for at, leaf in enumerate("ab", 1)
    ]
    top = raised(
        "ExceptionGroup",
        "unhandled errors in a TaskGroup (2 sub-exceptions)",
        "main|app",
        exception_id=0,
        is_group=True,
    )
    grouped = g2.group(event("python", *members, top))
    assert grouped.title == "ExceptionGroup: unhandled errors in a TaskGroup (2 exceptions)"
    assert grouped.cause == ""
    single = g2.group(event("python", members[0], top))
    assert single.cause == "TimeoutError: no answer"
    assert single.title.startswith("ExceptionGroup: unhandled errors")


def test_a_crash_with_threads_alone_goes_by_the_function_that_crashed() -> None:
    one = event("native")
    frames = [Frame(function="main", file="m.c", in_app=True), Frame(function="boom", file="m.c", in_app=True)]
    one.threads = [Thread(id="1", crashed=True, frames=frames), Thread(id="2", frames=[Frame(function="wait")])]
    assert g2.group(one).title == "crash in boom in m.c"


def test_titles_of_messages_and_of_nothing() -> None:
    assert g2.group(event("python", message="\n disk is full\nmore")).title == "disk is full"
    assert g2.group(event("python", message="user 5", template="user %s")).title == "user 5"
    assert g2.group(event("python", template="user %s")).title == "user %s"
    assert g2.group(event("python")).title == "unknown"
    assert g2.group(event("python", raised("", ""))).title == "unknown"
    assert len(g2.group(event("python", raised("E", "x" * 900))).title) == 200


def _parts(one: Event) -> dict[str, list[tuple[str, str, bool]]]:
    found: dict[str, list[tuple[str, str, bool]]] = {}
    for part in g2.explain(one):
        assert part.why
        found.setdefault(part.name, []).append((part.raw, part.value, part.counted))
    return found


def test_the_statement_its_template_and_each_hole_are_explained() -> None:
    source = "raise X(f\"field '{field}' of {name} is required\")"
    parts = _parts(crash("python", source, "field 'email' of Tom is required"))
    [(statement, template, counted)] = parts["statement"]
    assert statement == source.removeprefix("raise ")
    assert (template, counted) == ("field 'email' of <> is required", True)
    assert parts["hole"] == [("field = email", "email", True), ("name = Tom", "<>", False)]
    assert parts["message"] == [("field 'email' of Tom is required", "field 'email' of <> is required", True)]


def test_the_caller_of_a_helper_is_explained() -> None:
    outer = frame("python", "fail(f'{name} came late')", "lend")
    one = crash("python", "def fail(text):\n>    raise X(text)", "pear came late", outer, function="fail")
    whys = [part.why for part in g2.explain(one) if part.name == "frame"]
    assert whys[0] == "it passed the text to the function that throws for it"
    assert "innermost" in whys[1]


def test_each_rule_that_decides_is_named() -> None:
    def why(one: Event) -> str:
        return next(part.why for part in g2.explain(one) if part.name == "message")

    library = event("python", raised("KeyError", "no such column", "run|shop", "-get|yaml.map"))
    assert "library raised" in why(library)
    assert "shows no raise" in why(crash("python", "total = row['net']", "'net'"))
    assert "no statement was read" in why(crash("python", "", "no pear left"))
    assert "one word" in why(plain_crash("java", "find|com.acme.Shelf", value="bilebaga"))
    assert "statement that raised it" in why(crash("python", "raise X(f'no {name} left')", "no pear left"))


def test_a_fingerprint_is_explained_as_the_only_reason() -> None:
    one = crash("python", "raise X(f'no {name} left')", "no pear left")
    one.fingerprint = ["import", "9"]
    assert [part.name for part in g2.explain(one) if part.counted] == ["fingerprint"]
    one.fingerprint = ["{{ default }}", "eu"]
    assert {part.name for part in g2.explain(one) if part.counted} == {
        "fingerprint",
        "type",
        "message",
        "statement",
        "frame",
    }
