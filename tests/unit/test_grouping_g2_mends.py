"""Kinds that the first grouping got wrong: names that compilers number, places that machines name, wordings."""

import json
import os
from itertools import combinations
from pathlib import Path

import pytest

from app import normalise
from app.grouping import g1, g2
from app.grouping.g2 import mends
from app.grouping.g2.message import template_of
from app.model import Event, Facts, Frame, Raised, Thread
from tests.unit.grouping_g2_parts import event, same
from tests.unit.grouping_parts import crash, raised

NAMES = [
    # platform, names that are one, names of others
    (
        "php",
        ["{closure:/srv/r1/app/routes.php:12}", "{closure:/srv/r2/app/routes.php:19}"],
        ["{closure:/srv/r1/app/jobs.php:12}"],
    ),
    (
        "php",
        ["App\\{closure:App\\Cart::total():12}", "App\\{closure:App\\Cart::total():31}"],
        ["App\\{closure:App\\Cart::tax():12}"],
    ),
    (
        "java",
        ["$anonfun$main$1|shop.Main$", "$anonfun$main$3|shop.Main$", "$anonfun$main$12$adapted|shop.Main$"],
        ["$anonfun$stop$1|shop.Main$"],
    ),
    (
        "java",
        ["apply|shop.Main$$anonfun$main$1", "apply|shop.Main$$anonfun$main$2$$anonfun$apply$4"],
        ["apply|shop.Main$$anonfun$stop$1"],
    ),
    (
        "java",
        ["doCall|shop.Cart$_total_closure1", "doCall|shop.Cart$_total_closure3$_closure7"],
        ["doCall|shop.Cart$_tax_closure1"],
    ),
    (
        "java",
        ["invoke|shop.ComposableSingletons$CartKt$lambda-1$1", "invoke|shop.ComposableSingletons$CartKt$lambda-3$1"],
        ["invoke|shop.ComposableSingletons$ListKt$lambda-1$1"],
    ),
    (
        "java",
        ["load$app_debug|shop.Cart", "load$app_release|shop.Cart", "load$shop_freeRelease|shop.Cart", "load|shop.Cart"],
        ["save$app_debug|shop.Cart"],
    ),
    ("java", ["text-fLXpl1I|shop.Cart", "text|shop.Cart", "text-impl|shop.Cart"], ["total-impl|shop.Cart"]),
    (
        "rust",
        ["shop::cart::total::{closure#0}", "shop::cart::total::{closure#12}", "shop::cart::total::{{closure}}"],
        ["shop::cart::tax::{closure#0}"],
    ),
    (
        "rust",
        ["shop[a1b2c3d4e5f60718]::cart::total", "shop[0011223344556677]::cart::total", "shop::cart::total"],
        ["shop[a1b2c3d4e5f60718]::cart::tax"],
    ),
    (
        "rust",
        ["<shop::Cart as shop::Total>::{impl#1}::sum", "<shop::Cart as shop::Total>::{impl#3}::sum"],
        ["<shop::List as shop::Total>::{impl#1}::sum"],
    ),
    (
        "javascript",
        ["minified:aB.pay||main.dart.js", "minified:k3.pay||main.dart.js"],
        ["minified:aB.send||main.dart.js"],
    ),
]


@pytest.mark.parametrize(("platform", "one", "others"), NAMES, ids=lambda value: str(value)[:40])
def test_what_a_compiler_numbers_does_not_count(platform: str, one: list[str], others: list[str]) -> None:
    first = crash(platform, one[0])
    assert all(same(first, crash(platform, name)) for name in one)
    assert not any(same(first, crash(platform, name)) for name in others)


PLACES = [
    ["blob:https://a.example/js/pay.js", "https://a.example/js/pay.js", "view-source:https://a.example/js/pay.js"],
    [
        "https://a.example/orders/1234",
        "https://a.example/orders/99",
        "https://a.example/orders/00a1b2c3-1111-4222-8333-444455556666",
    ],
    ["/home/bob/pay.js", "/Users/ann.smith/pay.js", "C:\\Users\\Ann\\pay.js", "/root/pay.js"],
    [
        "/tmp/tmpa1b2c3/pay.js",  # noqa: S108  a place in a report
        "/var/folders/x1/y2abc/T/pay.js",
        "/private/var/tmp/pay.js",
        "C:\\Users\\Bob\\AppData\\Local\\Temp\\tmp77\\pay.js",
    ],
    ["/home/bob/shop/cart/pay.js", "/Users/ann/shop/cart/pay.js", "/srv/shop/cart/pay.js"],
]


@pytest.mark.parametrize("paths", PLACES, ids=lambda value: value[0])
def test_a_place_is_one_whoever_runs_it(paths: list[str]) -> None:
    assert len({mends.place(path) for path in paths}) == 1


def test_places_of_others_stay_apart() -> None:
    paths = ["/home/bob/pay.js", "/home/bob/cart.js", "/home/bob/a/pay.js", "https://a.example/orders/1/edit"]
    assert len({mends.place(path) for path in paths}) == len(paths)
    assert mends.place("/srv/app/v2/pay.js") == mends.place("/srv/app/pay.js")


def test_a_home_folder_named_as_a_systems_is_no_system() -> None:
    one = crash("python", "run||/home/lib/python/run.py", kind="X")
    assert g2.decide(one).in_app


WORDINGS = [
    [
        "Cannot read properties of undefined (reading 'street')",
        "Cannot read property 'street' of undefined",
        "Cannot read properties of null (reading 'street')",
        "undefined is not an object (evaluating 'row.address.street')",
        "null is not an object (evaluating 'row.address.street')",
        'can\'t access property "street", row.address is undefined',
        "Unable to get property 'street' of undefined or null reference",
        "Cannot destructure property 'street' of 'row.address' as it is undefined.",
    ],
    [
        "Cannot set properties of undefined (setting 'x')",
        "Cannot set property 'x' of null",
        "Unable to set property 'x' of undefined or null reference",
    ],
    ["gatt F4:12:FA:00:9C:01 lost", "gatt ac-23-3f-a1-b2-c3 lost"],
    ["bad ref #Reference<0.1.2.3>", "bad ref #Reference<0.44112.98811.31>"],
    ["dead #PID<0.1.0> in #Port<0.5>", "dead #PID<0.9991.12> in #Port<0.77>"],
    ["GET /search?q=shoes failed", "GET /search?q=hats&page=2 failed", "GET /search failed"],
    [
        "type 'minified:aB' is not a subtype of type 'minified:k3'",
        "type 'minified:Q' is not a subtype of type 'minified:zz'",
    ],
    ['Cannot invoke "A.b()" because "<local4>" is null', 'Cannot invoke "A.b()" because "<local11>" is null'],
    [
        "1 validation error for Order\nquantity\n  bad [type=int_parsing, input_value='two']",
        "3 validation errors for Order\nquantity\n  bad [type=int_parsing, input_value='x']\nname\n  y",
    ],
]


@pytest.mark.parametrize("texts", WORDINGS, ids=lambda value: value[0][:40])
def test_wordings_of_one_error_are_one_template(texts: list[str]) -> None:
    assert len({template_of(text, one_word=False) for text in texts}) == 1


def test_wordings_of_different_errors_stay_apart() -> None:
    texts = [
        "Cannot read properties of undefined (reading 'street')",
        "Cannot read properties of undefined (reading 'mail')",
        "Cannot set properties of undefined (setting 'street')",
        "gatt lost",
        "bad ref #PID<0.1.2>",
        "bad ref #Port<0.1.2>",
        "GET /search?q=shoes failed",
        "GET /orders?q=shoes failed",
        "1 validation error for Order\nquantity\n  bad [type=int_parsing, x]",
        "1 validation error for Order\nname\n  bad [type=int_parsing, x]",
        "1 validation error for Order\nname\n  bad [type=missing, x]",
    ]
    assert len({template_of(text, one_word=False) for text in texts}) == len(texts)


def test_one_word_is_data_but_not_in_quotes_nor_as_a_code_nor_without_a_place() -> None:
    def lookup(value: str) -> Event:
        return crash("java", "find|com.acme.Shelf", kind="NoSuchElementException", value=value)

    assert same(lookup("bilebaga"), lookup("Lisbon"))
    assert not same(lookup("bilebaga"), lookup("no value present"))
    assert not same(lookup("'net'"), lookup("'tax'"))
    assert not same(lookup("ECONNRESET"), lookup("ENOENT"))
    assert not same(event("python", message="started"), event("python", message="stopped"))
    library = raised("KeyError", "net", "run|shop", "-get|yaml.map")
    assert not same(event("python", library), event("python", raised("KeyError", "tax", "run|shop", "-get|yaml.map")))


def _native(*frames: Frame, value: str = "Segfault") -> Event:
    return event(
        "native", Raised(type="SIGABRT", value=value, mechanism="signalhandler", synthetic=True, frames=list(frames))
    )


def _frame(function: str = "", package: str = "", file: str = "", in_app: bool | None = None) -> Frame:
    return Frame(function=function, package=package, file=file, in_app=in_app)


def test_the_machinery_of_raising_never_decides_where_another_frame_is() -> None:
    def stack(function: str) -> Event:
        libc = "/usr/lib/libc.so.6"
        return _native(
            *(_frame(name, libc) for name in ("__libc_start_main", function, "abort", "raise", "__pthread_kill"))
        )

    assert not same(stack("free"), stack("strlen"))
    assert g2.decide(stack("qsort")).top == "qsort"
    assert g2.decide(_native(_frame("abort"), _frame("raise"))).top != ""
    assert g2.decide(_native(_frame("raise_alarm", in_app=True), _frame("raise"))).top == "raise_alarm"


@pytest.mark.parametrize(
    "name", ["boost::function0<T>::operator()", "std::vector<int>::at", "void fmt::v9::detail::throw_format_error"]
)
def test_libraries_of_headers_are_no_application(name: str) -> None:
    one = _native(_frame("shop::load(int)", in_app=True), _frame(name, in_app=True))
    assert g2.decide(one).top == "shop::load"
    assert not same(one, _native(_frame("shop::save(int)", in_app=True), _frame(name, in_app=True)))


def test_an_unnamed_frame_of_the_application_stops_the_walk_outwards() -> None:
    def stack(inner: str) -> Event:
        app = "/opt/shop/bin/shop"
        return _native(
            _frame("main", app, in_app=True),
            _frame("", app, in_app=True),
            _frame(inner, "/usr/lib/libz.so", in_app=False),
        )

    assert not same(stack("inflate"), stack("deflate"))
    assert g2.decide(stack("inflate")).top == "inflate"


@pytest.mark.parametrize(
    "name", ["checkStock", "validate", "verify_card", "requireUser", "ensure", "Preconditions.notEmpty"]
)
def test_checkers_count_with_their_caller(name: str) -> None:
    module, _, function = name.rpartition(".")
    checker = f"{function}|com.acme.{module or 'Shop'}"
    one = crash("java", "lend|com.acme.Desk", checker, value="it must not be empty here")
    assert not same(one, crash("java", "give|com.acme.Desk", checker, value="it must not be empty here"))


def test_a_word_that_only_begins_like_a_checker_is_none() -> None:
    one = crash("java", "lend|com.acme.Desk", "checkout|com.acme.Shop")
    assert same(one, crash("java", "give|com.acme.Desk", "checkout|com.acme.Shop"))


def test_types_that_dart2js_made_up_are_one() -> None:
    def made(kind: str) -> Event:
        return crash("javascript", "pay||main.dart.js", kind=kind, value="Null check operator used")

    assert same(made("minified:aB"), made("minified:k3"))
    assert not same(made("minified:aB"), made("TypeError"))


def test_a_page_with_an_id_is_one_page() -> None:
    def foreign(url: str) -> Event:
        return event("javascript", raised("", "Script error."), url=url)

    assert same(foreign("https://a.example/orders/1234"), foreign("https://a.example/orders/99?x=1"))
    assert not same(foreign("https://a.example/orders/1234"), foreign("https://a.example/users/1234"))


FIELD = Path(os.environ.get("FAULTLINE_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "field"
PAIRS = [
    ("php84-closure", True),
    ("scala-anonfun", True),
    ("compose-lambda", True),
    ("rust-v0-closure", True),
    ("dart2js-type", True),
    ("msg-mac", True),
    ("msg-query", True),
    ("beam-ref", True),
    ("boost-function", False),
]


@pytest.mark.skipif(not FIELD.is_dir(), reason=f"no recorded cases at {FIELD}: set FAULTLINE_SHARED")
@pytest.mark.parametrize(("name", "together"), PAIRS)
def test_a_recorded_case_comes_out_right(name: str, together: bool) -> None:
    one, other = (_recorded(f"{name}-{side}.bin") for side in "ab")
    assert same(one, other) is together
    assert (g1.group(one).group == g1.group(other).group) is not together


def _recorded(name: str) -> Event:
    payload = (FIELD / name).read_bytes().split(b"\n", 2)[2].strip()
    facts = Facts(project=1, kind="sentry", category="error", event_id="0" * 32, received=1_780_000_000_000)
    return normalise.event(facts, json.dumps(json.loads(payload)).encode())


def test_a_thread_alone_still_counts_by_its_stack() -> None:
    made = [event("native", message="") for _ in range(2)]
    for one, function in zip(made, ("boom", "bang"), strict=True):
        one.threads = [Thread(id="1", crashed=True, frames=[Frame(function=function, file="m.c", in_app=True)])]
    assert all(not same(one, other) for one, other in combinations(made, 2))
