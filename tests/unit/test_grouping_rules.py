"""What decides a group: exceptions, frames, threads, messages, the client's own key."""

import pytest

from app.grouping import explain, group
from app.grouping.g1.key import collapsed
from app.model import Event, Raised, Thread
from tests.unit.grouping_parts import crash, event, frame, raised, same


def test_type_frame_and_template_decide() -> None:
    base = crash("python", "main|app", "pay|shop.pay", value="order 5 failed")
    assert same(base, crash("python", "cron|jobs", "pay|shop.pay", value="order 77 failed"))
    assert not same(base, crash("python", "pay|shop.pay", kind="KeyError", value="order 5 failed"))
    assert not same(base, crash("python", "pay|other.pay", value="order 5 failed"))
    assert not same(base, crash("python", "pay|shop.pay", value="stock is empty"))


def test_coarse_leaves_the_message_out_and_variant_tells_paths_apart() -> None:
    one = group(crash("python", "main|app", "pay|shop.pay", value="stock is empty"))
    other = group(crash("python", "cron|jobs", "pay|shop.pay", value="card refused"))
    third = group(crash("python", "cron|jobs", "pay|shop.pay", value="stock is empty"))
    assert one.coarse == other.coarse
    assert one.group == third.group
    assert one.variant != third.variant


def test_the_project_is_part_of_every_id() -> None:
    one, other = crash("python", "pay|shop.pay"), crash("python", "pay|shop.pay")
    other.project = 2
    for name in ("group", "coarse", "variant"):
        assert getattr(group(one), name) != getattr(group(other), name)


def test_library_frames_below_and_above_do_not_count() -> None:
    one = crash("python", "-run|uvicorn", "pay|shop.pay", "-execute|django.db")
    assert same(one, crash("python", "-main|celery", "pay|shop.pay"))


def test_without_frames_of_the_application_the_library_decides() -> None:
    assert not same(crash("java", "-find|org.hibernate.Session"), crash("java", "-save|org.hibernate.Session"))


def test_the_innermost_exception_with_a_frame_of_the_application_decides() -> None:
    cause = raised("ZeroDivisionError", "division by zero", "compute|tasks.ratio")
    wrapper = raised("TaskFailed", "task failed", "execute|runner.core")
    other = raised("FileNotFoundError", "in.csv is missing", "read|tasks.load")
    assert same(event("python", cause, wrapper), event("python", cause))
    assert not same(event("python", cause, wrapper), event("python", other, wrapper))


def test_a_cause_in_a_library_leaves_the_decision_to_the_caller() -> None:
    pool = raised("SQLException", "timed out", "-acquire|com.zaxxer.hikari.Pool")
    one = event("java", pool, raised("JDBCException", "no connection", "byId|com.acme.OrderRepo"))
    other = event("java", pool, raised("JDBCException", "no connection", "find|com.acme.TokenRepo"))
    assert not same(one, other)


def _tree(*leaves: str, text: str = "errors") -> Event:
    members = [
        raised("TimeoutError", "no answer", f"{leaf}|shop", exception_id=at, parent_id=0)
        for at, leaf in enumerate(leaves, 1)
    ]
    top = raised("ExceptionGroup", text, "main|app", exception_id=0, is_group=True)
    return event("python", *members[::-1], top)


def test_groups_of_exceptions_count_by_their_distinct_leaves() -> None:
    assert same(_tree("a", "a", "a", text="3 sub-exceptions"), _tree("a", text="1 sub-exception"))
    assert same(_tree("a", "b"), _tree("b", "a", "b"))
    assert not same(_tree("a", "b"), _tree("a"))


@pytest.mark.parametrize("ids", [(1, 1), (None, 0), (7, 9)])
def test_a_broken_tree_is_a_plain_chain(ids: tuple[int | None, int]) -> None:
    leaf = raised("TimeoutError", "no answer", "a|shop", exception_id=ids[0], parent_id=ids[1])
    top = raised("ExceptionGroup", "errors", "main|app", exception_id=1, is_group=True)
    assert same(event("python", leaf, top), event("python", raised("TimeoutError", "no answer", "a|shop")))


def test_a_throw_helper_counts_with_its_caller() -> None:
    one = crash("javascript", "openBasket||src/basket.ts", "invariant||src/lib/invariant.ts")
    other = crash("javascript", "playVideo||src/video.ts", "invariant||src/lib/invariant.ts")
    assert not same(one, other)
    assert group(one).coarse == group(other).coarse


def test_comprehensions_are_part_of_their_function() -> None:
    assert same(crash("python", "f|shop", "<listcomp>|shop"), crash("python", "f|shop"))


def test_recursion_counts_once_however_deep() -> None:
    deep = crash("python", "main|app", *["walk|tree", "visit|tree"] * 20)
    flat = crash("python", "main|app", *["walk|tree", "visit|tree"] * 2)
    assert group(deep) == group(flat)
    assert collapsed(list("abababc")) == list("abc")
    assert collapsed(list("aaa")) == ["a"]


def test_an_endless_recursion_groups_by_what_comes_back_wherever_it_stopped() -> None:
    one = crash("java", *["isA|com.acme.T", "of|com.acme.T"] * 30, kind="StackOverflowError", value="")
    other = crash(
        "java", *["isA|com.acme.T", "of|com.acme.T"] * 25, "isA|com.acme.T", kind="StackOverflowError", value=""
    )
    assert same(one, other)


def test_minified_names_give_way_to_the_message() -> None:
    one = crash("javascript", "t||https://a.example/app.min.js", value="basket is empty")
    assert same(one, crash("javascript", "Xq||https://a.example/app.min.js", value="basket is empty"))
    assert not same(one, crash("javascript", "t||https://a.example/app.min.js", value="video is not mounted"))


def test_a_hang_groups_by_the_component_that_hangs() -> None:
    def hang(*frames: str) -> Event:
        return event("java", raised("ApplicationNotResponding", f"ANR for at least {5000 + len(frames)} ms.", *frames))

    one = hang("-loop|android.os.Looper", "onResume|com.acme.Gallery", "load|com.acme.Cache", "-read|java.io.File")
    assert same(one, hang("-loop|android.os.Looper", "onResume|com.acme.Gallery", "-decode|android.graphics.Bitmap"))
    assert not same(one, hang("-loop|android.os.Looper", "onReceive|com.acme.Boot", "-decode|android.graphics.Bitmap"))


def test_out_of_memory_counts_without_its_sizes() -> None:
    one = crash("java", "crop|com.acme.Editor", kind="OutOfMemoryError", value="Failed to allocate 17 bytes")
    assert same(one, crash("java", "crop|com.acme.Editor", kind="OutOfMemoryError", value="Java heap space"))


def test_a_signal_counts_by_its_stack() -> None:
    def signal(kind: str, function: str) -> Event:
        return event("native", raised(kind, f"{kind} at 0x10", function, mechanism="signalhandler"))

    assert same(signal("SIGSEGV", "Sheet::merge(int)"), signal("SIGABRT", "Sheet::merge(long)"))
    assert not same(signal("SIGSEGV", "Sheet::merge(int)"), signal("SIGSEGV", "Sheet::split(int)"))


def test_a_foreign_script_error_counts_by_its_page() -> None:
    def foreign(url: str) -> Event:
        return event("javascript", raised("", "Script error."), url=url)

    assert same(foreign("https://a.example/pay?cart=1"), foreign("https://a.example/pay?cart=2#x"))
    assert not same(foreign("https://a.example/pay"), foreign("https://a.example/help"))


def test_messages_count_by_their_template() -> None:
    one = event("python", message="user 5 not found", template="user %s not found")
    assert same(one, event("python", message="user 7 not found", template="user %s not found"))
    assert same(event("python", message="user 5 is gone"), event("python", message="user 7 is gone"))
    assert not same(one, event("python", message="disk is full"))


@pytest.mark.parametrize("flag", ["crashed", "current", "main"])
def test_the_thread_that_crashed_decides(flag: str) -> None:
    def threads(*order: int) -> Event:
        made = [
            Thread(id="1", frames=[frame("pay|shop")]),
            Thread(id="2", frames=[frame("wait|pool")]),
            Thread(id="3", frames=[frame("poll|pool")]),
        ]
        setattr(made[0], flag, True)
        return event("python", raised("Crash", ""), threads=[made[at] for at in order])

    assert same(threads(0, 1, 2), threads(2, 0))
    assert same(threads(0, 1, 2), crash("python", "pay|shop", kind="Crash", value=""))


def test_the_clients_own_key_decides() -> None:
    one, other = crash("python", "a|x"), crash("python", "b|y", kind="KeyError")
    one.fingerprint = other.fingerprint = ["import", "9"]
    assert same(one, other)
    other.fingerprint = ["import", "8"]
    assert not same(one, other)


def test_default_within_a_key_means_our_own_salted_by_the_rest() -> None:
    plain, alone, salted = crash("python", "a|x"), crash("python", "a|x"), crash("python", "a|x")
    alone.fingerprint, salted.fingerprint = ["{{ default }}"], ["{{ default }}", "eu"]
    assert same(plain, alone)
    assert not same(plain, salted)
    elsewhere = crash("python", "b|x")
    elsewhere.fingerprint = ["{{ default }}", "eu"]
    assert not same(elsewhere, salted)


def test_nothing_at_all_is_one_group_of_a_client_and_platform() -> None:
    assert same(event("python", sdk_name="a"), event("python", sdk_name="a"))
    assert not same(event("python", sdk_name="a"), event("python", sdk_name="b"))
    assert not same(event("python", sdk_name="a"), event("ruby", sdk_name="a"))


def test_title_and_culprit_are_for_people() -> None:
    grouped = group(crash("python", "pay|shop.pay", kind="ValueError", value="no card\nmore"))
    assert (grouped.title, grouped.culprit, grouped.version) == ("ValueError: no card", "pay in shop.pay", "g1")
    assert group(event("python", message="x" * 900)).title == "x" * 200
    assert group(event("python", transaction="/pay")).culprit == "/pay"
    assert group(event("python")).title == "unknown"


def test_explain_tells_of_every_frame_whether_it_counted_and_why() -> None:
    cause = raised("ValueError", "no card 5", "-run|asyncio.runners", "pay|shop.pay", "-send|stripe.api")
    parts = explain(event("python", cause, raised("Failed", "task failed", "execute|runner")))
    frames = [part for part in parts if part.name == "frame"]
    assert [part.counted for part in frames] == [False, True, False]
    assert all(part.why for part in parts)
    kinds = {part.name: part for part in parts}
    assert (kinds["type"].value, kinds["message"].value) == ("ValueError", "no card <n>")
    assert not kinds["exception"].counted


def test_explain_says_that_the_clients_key_decides() -> None:
    own = crash("python", "pay|shop.pay")
    own.fingerprint = ["mine"]
    assert [part.name for part in explain(own) if part.counted] == ["fingerprint"]


def test_explain_says_where_nothing_is_known() -> None:
    assert [part.name for part in explain(event("python", Raised(), sdk_name="a")) if part.counted] == ["client"]
