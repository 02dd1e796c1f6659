"""The raising statement of each language, as it is written: its literal is the template, its holes are data."""

import pytest

from app.grouping import g2
from app.model import Event, Frame, Raised
from tests.unit.grouping_g2_parts import crash, event, frame, said, same

PYTHON = [
    ("raise X(f'no {name!r:>{width}} left')", "no   'pear' left", "no <> left"),
    ("raise X(f'{{{name}}} is gone')", "{pear} is gone", "{<>} is gone"),
    ("raise X(rf'no \\d in {name}')", "no \\d in pear", "no \\d in <>"),
    ("raise X(b'bad bytes' if raw else 'bad text')", "bad text", "bad text"),
    ('raise X("""no %s\n>  here""" % name)', "no pear\n  here", "no <> here"),
    ("raise X('no ' 'route ' f'to {city}')", "no route to Rio", "no route to <>"),
    ("raise X('no %s in %d shops' % (name, count)) from error", "no pear in 3 shops", "no <> in <> shops"),
    ("raise X('no %(name)s left' % row)", "no pear left", "no <> left"),
    ("raise X('no {} in {shop!r}'.format(name, shop=shop))", "no pear in 'B'", "no <> in <>"),
    ("raise X('100% of {} is sold'.format(name))", "100% of pear is sold", "100% of <> is sold"),
    ("raise X('%d%% of %s is sold' % (part, name))", "90% of pear is sold", "<>% of <> is sold"),
    ("raise X('no ' + name + ' in ' + shop.title())", "no pear in B", "no <> in <>"),
    ("raise X('missing: ' + ', '.join(names))", "missing: a, b", "missing: <>"),
    ("raise HttpError(404, detail=f'no order {number}')", "no order 5", "no order <>"),
    ("raise X('sold out' if stock else f'without {name}')", "without pear", "without <>"),
    ("raise X(reason or 'no reason given')", "no reason given", "no reason given"),
    ("raise shop.errors.X('sold ' 'out')", "sold out", "sold out"),
    ("if not stock: raise X(f'without {name}')", "without pear", "without <>"),
    ("assert stock, f'no {name} in stock'", "no pear in stock", "no <> in stock"),
    ("assert stock > (1, 2)[0], 'no stock'", "no stock", "no stock"),
    ("raise X(\n>    'no {} for {}'.format(name, shop)\n)", "no pear for B", "no <> for <>"),
    (">raise X(\n    f'without {name}'\n)", "without pear", "without <>"),
    ("raise X(\n    name,\n    f'no {name} left',\n>)", "no pear left", "no <> left"),
    ("raise KeyError(f'no stock of {name}')", "'no stock of pear'", "no stock of <>"),
    ("text = f'no {name} left'\nif bad:\n>    raise X(text)", "no pear left", "no <> left"),
    ("error = X(f'no {name} left')\n>raise error", "no pear left", "no <> left"),
    ("raise X(_('no {name} left').format(name=name))", "keine Birne da", "no <> left"),
    ("raise X(gettext('no %s left') % name)", "plus de poire", "no <> left"),
    ("raise X('no \\'pear\\' \\x41\\n\\u00e9')", "no 'pear' A\né", "no 'pear' A é"),
    ("raise X(f'{name} is {\"sold\"} out')", "pear is sold out", "<> is <> out"),
    ("raise X(str('no stock of ') + name)", "no stock of pear", "no stock of <>"),
    ("raise type(error)(f'{error} while loading {path}') from error", "5 while loading a.py", "<> while loading <>"),
    ("raise HTTPException(404, detail=f'Order {n} not found')", "404: Order 5 not found", "Order <> not found"),
    ("raise ValidationError(_('%(value)s is no city'), params=p)", "['Rio is no city']", "<> is no city"),
    ("raise ValidationError(_('%(field)s is required'), params=p)", "email is required", "email is required"),
    ("raise X(message + ' is out of stock')", "pear is out of stock", "<> is out of stock"),
    ("raise X('no %s in stock', name)", "no pear in stock", "no <> in stock"),
    ("raise X('no stock here', name)", "('no stock here', 'pear')", "no stock here"),
]  # fmt: skip
JS = [
    ("throw new X(`no ${a.name} in ${b ? `shop ${b}` : 'B'}`);", "no pear in shop 5", "no <> in <>"),
    ("throw new Error('no ' + name + \" in\" + ' stock');", "no pear in stock", "no <> in stock"),
    ("if (!ok) throw new shop.StockError(`without ${name}`)", "without pear", "without <>"),
    ("reject(new StockError('without ' + name));", "without pear", "without <>"),
    ("return Promise.reject(\n>  new TypeError(`bad ${name} given`)\n);", "bad pear given", "bad <> given"),
    ("throw\n> new Error(`no ${name} left`)", "no pear left", "no <> left"),
    ("throw Error(`no ${name} left`)", "no pear left", "no <> left"),
    ("throw Object.assign(new Error(`no ${name} left`), { code: 'STOCK' });", "no pear left", "no <> left"),
    ("throw { status: 404, message: `no ${name} left` };", "no pear left", "no <> left"),
    ("throw new Error(util.format('no %s in %d', name, shop));", "no pear in 5", "no <> in <>"),
    ("throw new Error(stock ? 'sold out' : `no ${name} here`);", "no pear here", "no <> here"),
    ("throw new Error(reason || 'no reason given');", "no reason given", "no reason given"),
    ("throw new Error(reason ?? `no reason for ${name}`);", "no reason for pear", "no reason for <>"),
    ("throw new Error('no '.concat(name, ' left'));", "no pear left", "no <> left"),
    ("throw new Error('no ' +\n  name +\n>  ' left');", "no pear left", "no <> left"),
    (">throw new Error('no ' + name\n  + ' left');", "no pear left", "no <> left"),
    ("const text = `no ${name} left`;\n>throw new Error(text);", "no pear left", "no <> left"),
    ("if (/['\"`]/.test(name)) throw new Error(`bad name ${name}`);", "bad name x", "bad name <>"),
    ("throw new Error(t('no pear left'));", "keine Birne", "no pear left"),
    ("throw new Error('it\\'s \\u0041 \\x42' + name);", "it's A Bx", "it's A B<>"),
    ("foo(a / b); throw new Error('without ' + c / d);", "without 5", "without <>"),
    ("return next(new AppError(`no tour with id ${id}`, 404));", "no tour with id 5", "no tour with id <>"),
    ("const e = new Error(`no ${name} left`); e.code = 5; throw e;", "no pear left", "no <> left"),
    ("throw new Error(`no ${name}\n  in stock`);", "no pear\n  in stock", "no <> in stock"),
    ("throw new Error('unknown action: ' + JSON.stringify(action));", "unknown action: {}", "unknown action: <>"),
    ("assert(stock > 0, `no stock of ${name}`);", "no stock of pear", "no stock of <>"),
    ("assert.strictEqual(a, b, `no stock of ${name}`);", "no stock of pear", "no stock of <>"),
    ("if (a) throw new Error(`no ${a}`); else throw new Error(`${b} is sold`);", "pear is sold", "<> is sold"),
]  # fmt: skip
RUBY = [
    ('raise X, "no #{name} in #{shop[:title]}" unless stock', "no pear in B", "no <> in <>"),
    ('raise X.new("no #{name} left") if sold', "no pear left", "no <> left"),
    ("raise 'no stock'", "no stock", "no stock"),
    ('raise(X, "no #@name left")', "no pear left", "no <> left"),
    ('fail X, "no " + name + " left"', "no pear left", "no <> left"),
    ("raise X, 'no %s in %d' % [name, shop]", "no pear in 5", "no <> in <>"),
    ("raise X, format('no %s left', name)", "no pear left", "no <> left"),
    ("raise X, %(no #{name} left)", "no pear left", "no <> left"),
    ("raise X, 'no #{name} left'", "no #{name} left", "no #{name} left"),
    ('raise X.new(code: 5, message: "no #{name} left")', "no pear left", "no <> left"),
    ('raise X,\n>  "no #{name} left"', "no pear left", "no <> left"),
    ('raise X, "no #{name} " \\\n>  "left"', "no pear left", "no <> left"),
    ('text = "no #{name} left"\n>raise X, text', "no pear left", "no <> left"),
    ('name or raise X, "no #{name} left"', "no pear left", "no <> left"),
    ('raise Shop::X.new("no #{name} left"), cause: error', "no pear left", "no <> left"),
    ('raise X, "without #{name}" and return', "without pear", "without <>"),
]  # fmt: skip
ELIXIR = [
    ('raise ArgumentError, "no #{name} left"', "no pear left", "no <> left"),
    ('raise Shop.Error, message: "no " <> name <> " left"', "no pear left", "no <> left"),
    ('raise "no #{inspect(name)} left" ', 'no "pear" left', "no <> left"),
    ('unless stock, do: raise(Shop.Error, message: "no #{name} left")', "no pear left", "no <> left"),
]  # fmt: skip
PHP = [
    ('throw new \\Shop\\X("no $name in $shop->title");', "no pear in B", "no <> in <>"),
    ("throw new X(\"no {$row['name']} in $shops[0] of ${town}\");", "no pear in B of Rio", "no <> in <> of <>"),
    ("throw new X('no ' . $name . ' left');", "no pear left", "no <> left"),
    ("throw new X('no $name left');", "no $name left", "no $name left"),
    ("throw new X(sprintf('no %s in %2$05d', $name, $shop), 5);", "no pear in 00005", "no <> in <>"),
    ('throw X::because("no $name left");', "no pear left", "no <> left"),
    ('return new self("no $name left");', "no pear left", "no <> left"),
    ("return new static('without ' . $name);", "without pear", "without <>"),
    ('trigger_error("no $name left", E_USER_ERROR);', "no pear left", "no <> left"),
    ('abort(404, "no $name left");', "no pear left", "no <> left"),
    ('$x = $y ?? throw new X("no $name left");', "no pear left", "no <> left"),
    ("throw new X(__('no :name left', ['name' => $name]));", "keine Birne da", "no <> left"),
    ('throw new X(\n>    "no $name left",\n    5\n);', "no pear left", "no <> left"),
    ('$text = "no $name left";\n>throw new X($text);', "no pear left", "no <> left"),
    ("throw new X($sold ? 'sold out' : \"without $name\");", "without pear", "without <>"),
    ("throw new X($reason ?: 'no reason given');", "no reason given", "no reason given"),
    ("throw X::create('no %s in stock', $name);", "no pear in stock", "no <> in stock"),
    ('throw new X(message: "no $name left", previous: $error);', "no pear left", "no <> left"),
    ("throw new X('it\\'s \\n' . $name);", "it's \\npear", "it's \\n<>"),
]  # fmt: skip
GO = [
    ('panic("no " + name + " left")', "no pear left", "no <> left"),
    ('panic(fmt.Sprintf("no %s in %d", name, shop))', "no pear in 5", "no <> in <>"),
    ('return fmt.Errorf("publish %q: %w", name, err)', 'publish "pear": no feed 5', "publish <>: no feed <n>"),
    ('return errors.New("publish: " + loadErr.Error())', "publish: no feed", "publish: no feed"),
    ('return errors.Wrapf(err, "load %s", name)', "load pear: no feed", "load <>: no feed"),
    ('return errors.Wrap(err, "load of stock")', "load of stock: no feed", "load of stock: no feed"),
    ('return errors.New("no stock left")', "no stock left", "no stock left"),
    ("panic(`no stock \\n` + name)", "no stock \\npear", "no stock \\n<>"),
]  # fmt: skip
OTHERS = [
    ("java", 'throw new X("no " + name + " left");', "no pear left", "no <> left"),
    ("java", 'throw new X(String.format("no %s in %d", name, shop));', "no pear in 5", "no <> in <>"),
    ("java", 'throw new X("no %s left".formatted(name));', "no pear left", "no <> left"),
    ("java", "if (c == '\"') throw new X(\"without \" + c);", 'without "', "without <>"),
    ("kotlin", 'throw X("no $name in ${shop.title}")', "no pear in B", "no <> in <>"),
    ("kotlin", 'require(stock > 0) { "no $name in ${shop.title}" }', "no pear in B", "no <> in <>"),
    ("kotlin", 'val shop = shops[name] ?: error("no shop $name here")', "no shop B here", "no shop <> here"),
    ("csharp", 'throw new X(nameof(n), $"no rate for {n}!");', "no rate for 5! (Parameter 'n')", "no rate for <>!"),
    ("java", 'throw new X("no %s in stock", name);', "no pear in stock", "no <> in stock"),
    ("csharp", 'throw new X($"no {name,10:N2} in {{{shop}}}");', "no pear in {B}", "no <> in {<>}"),
    ("csharp", 'throw new X(string.Format("no {0} in {1:D}", name, shop));', "no pear in 5", "no <> in <>"),
    ("csharp", 'throw new X(@"no ""x"" \\ " + name);', 'no "x" \\ pear', 'no "x" \\ <>'),
    ("csharp", 'var x = y ?? throw new X($@"no {name} left");', "no pear left", "no <> left"),
    ("scala", 'throw new X(s"no $name in ${shop.title}")', "no pear in B", "no <> in <>"),
    ("groovy", 'throw new X("no ${name} in $shop")', "no pear in B", "no <> in <>"),
    ("swift", 'fatalError("no \\(name) in \\(shop.title("x"))")', "no pear in B", "no <> in <>"),
    ("rust", 'panic!("no {} in {shop:?} {{}}", name);', 'no pear in "B" {}', "no <> in <> {}"),
    ("rust", 'bail!("no meter named {name}");', "no meter named x", "no meter named <>"),
    ("cpp", 'throw std::out_of_range("no route " "to " + city);', "no route to Rio", "no route to <>"),
    ("perl", 'die "no $name in $shop->{title}" unless $stock;', "no pear in B", "no <> in <>"),
    ("perl", "croak('no ' . $name . ' left');", "no pear left", "no <> left"),
    ("dart", "throw StateError('no $name in ' \"${shop.title}\");", "no pear in B", "no <> in <>"),
    ("ts", "throw new X<Pear>(`no ${name as string} left`);", "no pear left", "no <> left"),
]  # fmt: skip
BY_LANGUAGE = {"python": PYTHON, "js": JS, "ruby": RUBY, "elixir": ELIXIR, "php": PHP, "go": GO}
ALL = [(language, *case) for language, cases in BY_LANGUAGE.items() for case in cases] + OTHERS


@pytest.mark.parametrize(("language", "source", "value", "template"), ALL, ids=lambda text: str(text)[:60])
def test_the_literal_of_the_statement_is_the_template(language: str, source: str, value: str, template: str) -> None:
    assert said(language, source, value) == template


NOT_READ = [
    ("python", "raise X('validation', text)", "the validation of pear failed"),
    ("python", 'log("raise X(\'no pear\')"); total = row["net"]', "'net'"),
    ("python", "total = row['net'] + row['tax']", "'net'"),
    ("python", "raise X(text)", "no pear left"),
    ("python", "raise X(f'{code}: {text}')", "5: no pear"),
    ("python", "raise X('no pear left')", "the plum is sold"),
    ("python", "text = 'a pear' if a else 'a plum'\n>raise X(text)", "a pear"),
    ("python", "text = f'no {name}'\ntext += ' left'\n>raise X(text)", "no pear left"),
    ("python", "text = f'no {name} left'\ndef other(text):\n>    raise X(text)", "no pear left"),
    ("js", "const s = \"throw new Error('no pear')\"; s.missing.x();", "no pear"),
    ("js", "// throw new Error('no pear')", "no pear"),
    ("ruby", "reader.save!", "Validation failed: no pear"),
    ("php", "$this->pdo->execute([$name]);", "no pear"),
    ("python", "", "no pear"),
    ("python", "   ", "no pear"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "source", "value"), NOT_READ, ids=lambda text: str(text)[:50])
def test_what_is_no_statement_of_this_message_is_not_read(language: str, source: str, value: str) -> None:
    assert said(language, source, value) == ""


def test_a_line_without_a_raise_is_told_from_one_that_does_not_fit() -> None:
    assert g2.decide(crash("python", "total = row['net']", "'net'")).silent
    assert not g2.decide(crash("python", "raise X('no pear left')", "other")).silent
    assert not g2.decide(crash("python", "", "other")).silent
    assert not g2.decide(crash("python", "    f'no {name} left')", "no pear left")).silent
    assert not g2.decide(crash("js", "report(name);", "no pear left", kind="")).silent


@pytest.mark.parametrize(
    ("value", "template"),
    [
        ("no stock of a very " + "long " * 250, "no stock of <> in the whole town"),
        ("no stock of pe...", "no stock of <> in the whole town"),
        ("no stock...", ""),
        ("[404] no stock of pear in the whole town", "no stock of <> in the whole town"),
        ("  no stock of pear in the whole town\n", "no stock of <> in the whole town"),
        ("no stock of \n in the whole town in the whole town", "no stock of <> in the whole town"),
    ],
)
def test_a_message_that_was_cut_or_wrapped_fits_as_far_as_it_goes(value: str, template: str) -> None:
    assert said("python", "raise X(f'no stock of {name} in the whole town')", value) == template


def test_an_empty_word_at_the_end_fits() -> None:
    for value in ("no shelf ", "no shelf", "no shelf A 12"):
        assert said("ruby", 'raise ArgumentError.new("no shelf #{shelf}") unless shelf', value) == "no shelf <>"


def test_of_several_literals_that_fit_the_one_with_most_words_is_taken() -> None:
    source = "raise X(f'{a} left', f'no {a} left', f'no {a}')"
    assert said("python", source, "no pear left") == "no <> left"


def test_words_do_not_split_a_statement_and_two_statements_stay_apart() -> None:
    unknown, expired = "raise X(f'unknown {a} for {b}')", "raise X(f'expired {a} for {b}')"
    assert same(crash("python", unknown, "unknown a for b"), crash("python", unknown, "unknown 苹果 for für: x"))
    assert not same(crash("python", unknown, "unknown a for b"), crash("python", expired, "expired a for b"))
    other = crash("python", unknown, "unknown a for b", function="other")
    assert not same(crash("python", unknown, "unknown a for b"), other)


HELPERS = [
    ("python", "def fail(kind, text):\n>    raise X(text)", "fail('late', f'{name} came late')"),
    ("js", "function fail(kind, text) {\n>  throw new X(text);", "fail('late', `${name} came late`);"),
    ("ruby", "def fail(kind, text)\n>  raise X, text", 'fail :late, "#{name} came late"'),
    ("php", "function fail($kind, $text) {\n>  throw new X($text);", '$this->fail("late", "$name came late");'),
]  # fmt: skip


@pytest.mark.parametrize(("language", "helper", "call"), HELPERS)
def test_a_throw_helper_is_read_where_it_is_called(language: str, helper: str, call: str) -> None:
    def made(value: str, line: str = call, caller: str = "lend") -> Event:
        return crash(language, helper, value, frame(language, line, caller), function="fail")

    assert g2.decide(made("pear came late")).template == "<> came late"
    assert same(made("pear came late"), made("plum came late"))
    assert not same(made("pear came late"), made("pear came late", caller="give"))
    assert not same(made("pear came late"), made("pear is lost", call.replace("came late", "is lost")))


def test_a_parameter_that_is_passed_on_is_followed_three_callers_out() -> None:
    def made(value: str) -> Event:
        chain = [
            frame("python", "third(f'no {name} left')", "start"),
            frame("python", "def third(text):\n>    second(text)", "third"),
            frame("python", "def second(text):\n>    fail(text)", "second"),
        ]
        return crash("python", "def fail(text):\n>    raise X(text)", value, *chain, function="fail")

    assert g2.decide(made("no pear left")).template == "no <> left"
    assert same(made("no pear left"), made("no plum left"))


def test_a_visible_parameter_makes_the_caller_count_and_nothing_else_does() -> None:
    def made(head: str, caller: str) -> Event:
        outer = frame("python", "self.run(handler)", caller)
        return crash("python", f"{head}\n>    raise X(m)", "took too long", outer, function="stop", kind="X")

    assert not same(made("def stop(m):", "one"), made("def stop(m):", "two"))
    assert same(made("    m = self.m", "one"), made("    m = self.m", "two"))


def test_a_literal_in_the_hole_of_a_weak_one_is_read() -> None:
    helper = "def status(code, text):\n>    raise PayError(f'E{code}: {text}')"

    def made(value: str) -> Event:
        call = frame("python", "status(code, f'card of {name} was refused')", "pay")
        return crash("python", helper, value, call, function="status")

    assert g2.decide(made("E1042: card of Tom was refused")).template == "E1042: card of <> was refused"
    assert same(made("E1042: card of Tom was refused"), made("E1042: card of Ann was refused"))
    assert not same(made("E1042: card of Tom was refused"), made("E1043: card of Tom was refused"))


def _through_library(call: str, value: str, function: str = "abort") -> Event:
    library = Frame(
        function=function, module="werkzeug.exceptions", file="werkzeug/exceptions.py", in_app=False, line=9
    )
    return event("python", Raised(type="NotFound", value=value, frames=[frame("python", call), library]))


def test_a_literal_that_the_application_passes_to_a_library_is_read() -> None:
    call = "abort(404, description=f'no order {number} of {name}')"
    one = _through_library(call, "no order 5 of Tom")
    assert g2.decide(one).template == "no order <> of <>"
    assert same(one, _through_library(call, "no order x of Ann"))
    assert g2.decide(one).library


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("abort(404, f'no {x}')", "no pear"),
        ("abort(404, f'no order {x} of {y}')", "404: no order 5 of Tom!"),
        ("other(404, f'no order {x} of {y}')", "no order 5 of Tom"),
        ("db.execute(sql)", 'column "net" does not exist'),
    ],
)
def test_all_else_that_a_library_raises_counts_by_its_message(call: str, value: str) -> None:
    assert not g2.decide(_through_library(call, value)).read


LOGS = [
    ("js", "if (full) Sentry.captureMessage(`list of ${name} is full`);", "list of Tom is full", "list of <> is full"),
    ("python", "sentry_sdk.capture_message(f'list of {name} is full')", "list of Tom is full", "list of <> is full"),
    ("python", "logger.error('list of %s is full', name)", "list of Tom is full", "list of <> is full"),
    ("php", "$log->error('list of {name} is full', ['name' => $n]);", "list of Tom is full", "list of <> is full"),
    ("java", 'log.warn("list of {} is full", name);', "list of Tom is full", "list of <> is full"),
    ("ruby", 'Rails.logger.error("list of #{name} is full")', "list of Tom is full", "list of <> is full"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "source", "value", "template"), LOGS)
def test_a_logged_message_with_a_stack_is_read_where_it_was_logged(
    language: str, source: str, value: str, template: str
) -> None:
    assert said(language, source, value, kind="") == template


@pytest.mark.parametrize(
    ("platform", "template", "message", "other"),
    [
        ("python", "no reader %s in %s", "no reader Tom in Rio", "no reader Ann in Oslo"),
        ("node", "no reader %s in %d", "no reader Tom in 5", "no reader Ann in 7"),
        ("csharp", "No reader {Name} in {Town}", "No reader Tom in Rio", "No reader Ann in Oslo"),
        ("java", "no reader {} in {}", "no reader Tom in Rio", "no reader Ann in Oslo"),
        ("python", "no reader %(name)s", "no reader Tom", "no reader Ann"),
    ],
)
def test_a_record_counts_by_its_own_template(platform: str, template: str, message: str, other: str) -> None:
    assert same(event(platform, message=message, template=template), event(platform, message=other, template=template))


def test_a_field_in_a_record_is_identity() -> None:
    one = event("python", message="field net is required", template="field %s is required")
    other = event("python", message="field tax is required", template="field %s is required")
    assert not same(one, other)
