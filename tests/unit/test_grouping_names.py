"""How names of functions, files and messages count: a row for each rule."""

import pytest

from app.grouping.g1.files import place
from app.grouping.g1.frames import APP, LIBRARY, SYSTEM, Look, look
from app.grouping.g1.message import first_line, template

NAMES = [
    ("python", "shop.cart", "Cart.total.<locals>.<lambda>", "shop.cart Cart.total"),
    ("java", "com.acme.Job$$Lambda$12/0x0000", "run", "com.acme.Job run"),
    ("java", "com.acme.Job", "lambda$start$3", "com.acme.Job start"),
    ("java", "com.acme.Job", "access$001", "com.acme.Job access"),
    ("java", "com.acme.Job$2", "call", "com.acme.Job$N call"),
    ("java", "com.acme.Job$$ExternalSyntheticLambda4", "run", "com.acme.Job run"),
    ("java", "com.acme.Svc$$EnhancerBySpringCGLIB$$4f1c22ab", "save", "com.acme.Svc save"),
    ("java", "com.acme.Svc$$SpringCGLIB$$0", "save", "com.acme.Svc save"),
    ("java", "com.acme.Svc$ByteBuddy$x1Y2", "save", "com.acme.Svc save"),
    ("java", "com.acme.Svc$HibernateProxy$aB3", "save", "com.acme.Svc save"),
    ("java", "com.acme.GeneratedMethodAccessor12", "invoke", "com.acme.GeneratedMethodAccessor invoke"),
    ("java", "core$fn__1234", "invoke", "core$fn invoke"),
    ("csharp", "Shop.Orders+<LoadAsync>d__12", "MoveNext", "Shop.Orders LoadAsync"),
    ("csharp", "Shop.Orders+<>c__DisplayClass5_0", "<Sum>b__1", "Shop.Orders Sum"),
    ("csharp", "Shop.Orders", "<Main>g__Local|0_1", "Shop.Orders Main.Local"),
    ("csharp", "Shop.Box`1", "Get``1(T item)", "Shop.Box Get"),
    ("go", "example.com/importer", "(*Importer).Run.func1.2", "example.com/importer (*Importer).Run"),
    ("go", "example.com/importer", "Map[...].func1", "example.com/importer Map"),
    ("php", "", "App\\Shelf::{closure:App\\Shelf::take():12}", "App\\Shelf::App\\Shelf::take"),
    ("rust", "", "ledger::apply::h1706f5e4d3c2b1a0", "ledger::apply"),
    ("rust", "", "ledger::apply::{{closure}}", "ledger::apply::$"),
    ("native", "", "void Foo<int>::bar(std::string const&) const", "Foo<T>::bar"),
    ("native", "", "`anonymous namespace'::foo", "(anonymous namespace)::foo"),
    ("native", "", "run()::{lambda(int)#1}::operator()(int) const", "run"),
    ("native", "", "operator<<(Stream&, Foo const&)", "operator<<"),
    ("native", "", "Foo::operator bool() const", "Foo::operator bool"),
    ("native", "", "parse.isra.0.cold", "parse"),
    ("swift", "", "closure #1 in ViewController.load()", "ViewController.load"),
    ("cocoa", "", "__45-[Store close]_block_invoke_2", "-[Store close]"),
]
FILES = [
    ("https://a.example/assets/index-DbQ2xY9p.js", "assets/index.js"),
    ("https://a.example/assets/Basket-Ck-81LmQ.js", "assets/Basket.js"),
    ("/js/main.77aa01fe.js?v=10331#x", "js/main.js"),
    ("/js/checkout.3f2a9c1b.chunk.js", "js/checkout.chunk.js"),
    ("/js/page-95FDLHEC.js", "js/page.js"),
    ("/js/page-overview.js", "js/page-overview.js"),
    ("/js/page-calendar.js", "js/page-calendar.js"),
    ("/js/two-factor.js", "js/two-factor.js"),
    ("/js/node-MyWidget.js", "js/node-MyWidget.js"),
    ("/static/version1699012345/Acme/en_US/minicart.js", "Acme/minicart.js"),
    ("/5.36.92/test.html", "test.html"),
    ("https://unpkg.com/react-dom@16.13.1/umd.js", "react-dom/umd.js"),
    ("webpack:///./src/a/b.ts", "a/b.ts"),
    ("C:\\Users\\bob\\clocky\\app-3.1.0\\dist\\tray.js", "dist/tray.js"),
    ("/js/jquery-3.2.1.min.js", "js/jquery.min.js"),
    ("", ""),
]
MESSAGES = [
    ("mail to ana.li+7@example.org failed", "mail to <mail> failed"),
    ("GET https://a.example/v1?cursor=x 500", "GET <url> <n>"),
    ("no answer from 10.1.2.3:43121", "no answer from <ip>"),
    ("no answer from [fe80::1ff:fe23]:8080", "no answer from <ip>"),
    ("order 6f1c2a34-1111-4222-8333-abcdefabcdef lost", "order <uuid> lost"),
    ("since 2026-04-23T19:13:24.830Z", "since <time>"),
    ("since Tue, 23 Oct 2026 12:50:59 GMT", "since <time>"),
    ("after 4m27.5s", "after <duration>"),
    ("after 329ms", "after <duration>"),
    ("at 0xca438e4f in Session@62a50d33", "at <hex> in Session@<hex>"),
    ("commit c7eb6446fdaf15f970c0b6ddef5f5e0fa8b3f630", "commit <hex>"),
    ("token ywxPfClTdMGSvkUa1+uigstJ8r5lp1ZOpLz14e7vkOC=", "token <token>"),
    ("missing field `customer_id` at line 1 column 523", "missing field `customer_id` at line <n> column <n>"),
    ("for ids [6339, 7111, 4575]", "for ids [<n>]"),
    ("balance is 695,439.74 EUR", "balance is <n> EUR"),
    ('lost: {"id": 5, "tags": ["a"]}', "lost: <json>"),
    ("open /tmp/tmpab12/x.csv failed", "open <path> failed"),
    ("open C:\\Users\\x\\Temp\\M7.tmp", "open <path>"),
    ("pod web-jlcrfkbh49-rvx5t down", "pod web-<pod> down"),
    ("'NoneType' object has no attribute 'email'", "'NoneType' object has no attribute 'email'"),
    ('unknown phrase "ujr klexhia wlfh"', 'unknown phrase "<text>"'),
    ("invalid literal for int() with base 10: 'x'", "invalid literal for int() with base <n>: '<text>'"),
    ("can't parse, don't know", "can't parse, don't know"),
    ("Failed after 7MB", "Failed after <size>"),
    ("connection refused (os error 111)", "connection refused (os error 111)"),
    ("[Errno 2] No such file", "[Errno 2] No such file"),
    ("answered with status code 503", "answered with status code 503"),
    ("Minified React error #418; visit https://react.dev/errors/418", "Minified React error #418; visit <url>"),
    ("Cannot read properties of undefined (reading 'price')", "read property price of undefined"),
    ("undefined is not an object (evaluating 'a.b.price')", "read property price of undefined"),
    ('can\'t access property "price", item is undefined', "read property price of undefined"),
    ("Can't find variable: pay", "pay is not defined"),
    ("a.b is not a function. (In 'a.b()', 'a.b' is undefined)", "a.b is not a function"),
]
WHOSE = [
    ("python", "run", "asyncio.runners", "asyncio/runners.py", "/usr/lib/python3.11/asyncio/runners.py", None, SYSTEM),
    ("python", "f", "flask.app", "flask/app.py", "/srv/venv/lib/python3.11/site-packages/flask/app.py", None, LIBRARY),
    ("python", "f", "shop.app", "shop/app.py", "/srv/shop/app.py", None, APP),
    ("python", "f", "threading_tools", "threading_tools.py", "", None, APP),
    ("python", "_run_code", "runpy", "<frozen runpy>", "", True, SYSTEM),
    ("java", "invoke", "sun.reflect.Method", "", "", None, SYSTEM),
    ("java", "invoke", "org.springframework.Aop", "", "", None, LIBRARY),
    ("java", "pay", "com.acme.Pay", "", "", None, APP),
    ("java", "pay", "org.apache.commons.Pay", "", "", True, APP),
    ("js", "map", "", "[native code]", "", True, SYSTEM),
    ("js", "handle", "layer", "/srv/node_modules/express/layer.js", "", None, LIBRARY),
    ("js", "scan", "", "chrome-extension://abc/x.js", "", None, LIBRARY),
    ("dotnet", "Dispatch", "System.Threading.ThreadPool", "", "", None, SYSTEM),
    ("go", "goexit", "runtime", "/usr/local/go/src/runtime/asm.s", "", None, SYSTEM),
    ("go", "run", "x", "/go/pkg/mod/github.com/x@v3/run.go", "", None, LIBRARY),
    ("ruby", "process", "", "vendor/bundle/gems/x.rb", "/app/vendor/bundle/gems/x.rb", None, LIBRARY),
    ("native", "abort", "", "", "", True, SYSTEM),
    ("native", "std::vector::at", "", "", "", True, SYSTEM),
    ("native", "freeBuffers", "", "", "", True, APP),
    ("native", "core::Engine::run", "", "", "", None, APP),
    ("java", "pay", "com.acme.Pay", "", "", False, LIBRARY),
]  # fmt: skip


def _look(
    family: str, function: str, module: str = "", file: str = "", path: str = "", flag: bool | None = None
) -> Look:
    return look(family, function, module, file, path, "", "", flag)


@pytest.mark.parametrize(("platform", "module", "function", "where"), NAMES, ids=lambda value: str(value)[:40])
def test_a_name_counts_without_what_a_build_numbers(platform: str, module: str, function: str, where: str) -> None:
    families = {"csharp": "dotnet", "rust": "native", "swift": "native", "cocoa": "native"}
    assert _look(families.get(platform, platform), function, module, flag=True).where == where


JS = [
    "drawAll", "Object.drawAll", "async drawAll", "async*drawAll", "new drawAll", "drawAll [as onclick]", "drawAll/<",
    "A.prototype.drawAll", "x/this.drawAll",
]  # fmt: skip


@pytest.mark.parametrize("name", JS)
def test_browsers_decorate_one_name_each_in_its_way(name: str) -> None:
    assert _look("js", name, file="https://a.example/js/chart.js").where == "js/chart.js drawAll"


@pytest.mark.parametrize(
    "name", ["total", "block in total", "block (2 levels) in total", "Cart#total", "rescue in total"]
)
def test_ruby_blocks_are_part_of_their_method(name: str) -> None:
    assert _look("ruby", name, file="app/models/cart.rb").where == "models/cart.rb total"


def test_ruby_views_lose_their_compiled_number() -> None:
    name = "block in _app_views_show_html_erb__3452870112345_70012"
    assert _look("ruby", name, file="app/views/show.html.erb").where == "views/show.html.erb _app_views_show_html_erb"


def test_php_anonymous_classes_count_by_their_file() -> None:
    one, other = "class@anonymous /srv/13/K.php:13$0::take", "class@anonymous\0/srv/7/K.php:7$0::take"
    assert _look("php", one, file="/app/Shelf.php").where == _look("php", other, file="/app/Shelf.php").where
    assert _look("php", one, file="/app/Shelf.php").where != _look("php", one, file="/app/Plan.php").where


@pytest.mark.parametrize("name", ["", "?", "<anonymous>", "Object.<anonymous>", "Anonymous function", "t", "Xt"])
def test_nameless_and_minified_functions_count_by_their_file(name: str) -> None:
    seen = _look("js", name, file="https://a.example/js/app.min.js")
    assert (seen.where, seen.named) == ("js/app.min.js", False)


@pytest.mark.parametrize("name", ["<redacted>", "??", "stripped_application_code"])
def test_placeholders_of_names_tell_nothing(name: str) -> None:
    assert _look("native", name).where == ""


def test_obfuscated_names_are_no_evidence() -> None:
    assert not _look("java", "b", "a.b.e").named
    assert _look("java", "b", "com.acme.Songs").named


@pytest.mark.parametrize(("path", "expected"), FILES)
def test_a_path_counts_without_checkout_and_hashes(path: str, expected: str) -> None:
    assert place(path) == expected
    assert place(expected) == expected


@pytest.mark.parametrize(("message", "expected"), MESSAGES)
def test_a_message_keeps_what_tells_bugs_apart(message: str, expected: str) -> None:
    assert template(first_line(message)) == expected


def test_the_first_line_that_says_something_counts() -> None:
    assert first_line("\n\n duplicate key\nDETAIL: Key (email)=(x)") == "duplicate key"


@pytest.mark.parametrize(("family", "function", "module", "file", "path", "flag", "tier"), WHOSE)
def test_whose_a_frame_is(
    family: str, function: str, module: str, file: str, path: str, flag: bool | None, tier: int
) -> None:
    assert _look(family, function, module, file, path, flag).tier == tier
