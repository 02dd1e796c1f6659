"""The documents are true to the code: what they name exists, and code refers only to sections that exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

import pytest

from app import settings
from app.cli import cli

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "agents", "tables", "tests", ".github", ".ci")
SUFFIXES = (".py", ".sql", ".md", ".html", ".js", ".css", ".toml", ".xml", ".mjs", ".cjs", "Makefile", "run")
README_LINES = 150
OF_TODAY = (
    "README.md", "CHANGELOG.md", "app/ARCHITECTURE.md", "app/GLOSSARY.md", ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
)  # fmt: skip
"""Documents that name no command of a later version, as API.md may."""

NAME = r"[A-Z][A-Z0-9_]{2,}\.md"
REFERENCE = re.compile(rf'\b({NAME}), "([^"\n]{{1,80}})"')
MENTION = re.compile(rf"\b({NAME})\b")
ODD_REFERENCE = re.compile(
    rf"\b{NAME}(?:'s)? \(?[\"\d]|\b(?:DESIGN|EXACTNESS|WIRE|GROUPING|PAGES|FAUST|STYLE|REPLAY) \d"
)
"""References that this test cannot resolve: by number, or without the comma."""

LINE_BREAK = re.compile(r"[ \t]*\n[ \t]*(?:#|--|//|\*|\|)?[ \t]*")
HEADING = re.compile(r"^#{1,6} (.+?)\s*#*$", re.MULTILINE)
LEAD = re.compile(r"^\s*(?:[-*] )?\*\*([^*\n]+?)[.:]?\*\*", re.MULTILINE)
"""A paragraph or list item that begins with a bold title, which counts as a section."""

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PATH = re.compile(r"(?P<path>[\w.-]+(?:/[\w.-]+)*/?)(?:::?(?P<symbol>[A-Za-z_]\w*(?:\.\w+)*))?")
FILE_ENDS = (".py", ".md", ".sql", ".toml", ".json", ".html", ".js", ".css", ".yml", ".lock", "/", "/run")
MADE = frozenset({"faultline.json", "openapi.json"})
"""Files that a running installation makes, or that it serves."""

MAKE = re.compile(r"\bmake((?: [a-z]+\b(?!=))+)")
COMMAND = re.compile(r"\bfaultline ([a-z][a-z-]*)(?: ([a-z][a-z-]*(?:\|[a-z-]+)*))?")
SETTING = re.compile(r"\bFAULTLINE_[A-Z_]*[A-Z]\b")


class Reference(NamedTuple):
    """A reference to a section of a document."""

    document: str
    section: str


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository whose text is looked at, but this one."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))
    beside = (path for path in ROOT.iterdir() if path.is_file())
    made = {"node_modules", "vendor", "__pycache__"}
    return tuple(
        path
        for path in sorted({*inside, *beside})
        if path.is_file() and path.name.endswith(SUFFIXES) and not made & set(path.parts) and path != Path(__file__)
    )


def documents() -> list[Path]:
    return [path for path in files() if path.suffix == ".md"]


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def unwrapped(text: str) -> str:
    """Return a text whose lines are joined, without the signs of comments between them."""
    return LINE_BREAK.sub(" ", text)


def references(text: str) -> list[Reference]:
    return [Reference(*found) for found in REFERENCE.findall(unwrapped(text))]


def sections(text: str) -> set[str]:
    plain = FENCE.sub("", text)
    return {title.strip() for title in HEADING.findall(plain) + LEAD.findall(plain)}


def unresolved(found: list[Reference], known: dict[str, set[str]]) -> list[Reference]:
    return [reference for reference in found if reference.section not in known.get(reference.document, set())]


def code_of(text: str) -> Iterator[str]:
    """Yield what is code in Markdown: spans in backticks, and the lines of fenced blocks without their comments."""
    for block in FENCE.findall(text):
        yield from (line.partition(" #")[0] for line in block.splitlines()[1:-1])
    yield from SPAN.findall(FENCE.sub("", text))


def paths_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield (path, symbol) for every span in backticks that names a file or a folder; the symbol may be ''."""
    for span in SPAN.findall(FENCE.sub("", text)):
        match = PATH.fullmatch(span)
        if match and match["path"].endswith(FILE_ENDS) and Path(match["path"]).name not in MADE:
            yield match["path"], match["symbol"] or ""


@cache
def roots() -> tuple[Path, ...]:
    """Return where a document's paths begin: here, or in the packages of Faust that FAUST.md writes about."""
    packages = [Path(place) for name in ("faust", "mode") for place in _places(name)]
    return (ROOT, *packages, *dict.fromkeys(package.parent for package in packages))


def _places(package: str) -> list[str]:
    """Return a package's folders; Faust replaces its own module, so a loaded one has no spec: the path is searched."""
    spec = PathFinder.find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def located(path: str, document: Path) -> list[Path]:
    """Return the files and folders that a document may mean by a path."""
    return [place for root in (*roots(), document.parent) if (place := root / path).exists()]


@cache
def symbols(path: Path) -> frozenset[str]:
    """Return every name that a module defines, at any depth: functions, classes, and what is assigned outside these."""
    tree = ast.parse(path.read_text())
    names = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return frozenset(names)


def wrong_paths(text: str, document: Path) -> list[str]:
    """Return the paths that lead nowhere; of documents about SDKs and Faust only those that begin as ours do."""
    ours = named(document) in OF_TODAY
    wrong = []
    for path, symbol in paths_in(text):
        if not ours and path.partition("/")[0] not in FOLDERS:
            continue
        places = located(path, document)
        if not places:
            wrong.append(path)
        elif symbol and not any(has_symbol(place, symbol) for place in places):
            wrong.append(f"{path}:{symbol}")
    return wrong


def has_symbol(place: Path, symbol: str) -> bool:
    return place.suffix != ".py" or symbols(place) >= set(symbol.split("."))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def wrong_targets(text: str) -> list[str]:
    asked = [name for code in code_of(text) for words in MAKE.findall(code) for name in words.split()]
    return [name for name in asked if name not in targets()]


def wrong_commands(text: str) -> list[str]:
    """Return what a text calls ``faultline …`` and is no command; of a group of commands its second word is checked."""
    wrong = []
    for first, second in [found for code in code_of(text) for found in COMMAND.findall(code)]:
        if first not in set(cli):
            wrong.append(first)
            continue
        inside = {name for name in cli[first] if not name.startswith("-")}
        wrong += [f"{first} {name}" for name in second.split("|") if inside and name and name not in inside]
    return wrong


def wrong_settings(text: str) -> list[str]:
    return [name for name in sorted(set(SETTING.findall(text))) if settings.unknown({name: ""})]


def test_every_reference_to_a_document_resolves() -> None:
    known = {document.name: sections(document.read_text()) for document in documents()}
    wrong = []
    for path in files():
        text = path.read_text()
        wrong += [
            f"{named(path)}: {one.document} has no {one.section!r}" for one in unresolved(references(text), known)
        ]
        wrong += [f"{named(path)}: no document {name}" for name in MENTION.findall(text) if name not in known]
        wrong += [f"{named(path)}: not as NAME.md and section: {odd}" for odd in ODD_REFERENCE.findall(unwrapped(text))]
    if wrong:
        pytest.fail("\n".join(dict.fromkeys(wrong)))


def test_every_file_that_a_document_names_exists() -> None:
    wrong = []
    for path in documents():
        text = path.read_text()
        links = [link for link in LINK.findall(FENCE.sub("", text)) if "://" not in link]
        absent = [link for link in links if not (path.parent / link).exists()]
        wrong += [f"{named(path)}: no {name}" for name in (*wrong_paths(text, path), *absent)]
    if wrong:
        pytest.fail("\n".join(dict.fromkeys(wrong)))


@pytest.mark.parametrize("name", OF_TODAY)
def test_every_target_command_and_setting_that_a_document_names_exists(name: str) -> None:
    text = (ROOT / name).read_text()
    assert wrong_targets(text) == []
    assert wrong_commands(text) == []
    assert wrong_settings(text) == []


def test_documents_have_names_of_their_own() -> None:
    names = [path.name for path in documents()]
    assert sorted(names) == sorted(set(names))


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES


# What the tests above must find, shown on texts of their own.


def test_references_are_found_across_lines_and_comments() -> None:
    text = 'a (RULES.md, "One thing") b\n# as in RULES.md,\n# "Other thing"\n-- RULES.md, "Third\n-- thing".'
    assert references(text) == [
        Reference("RULES.md", "One thing"),
        Reference("RULES.md", "Other thing"),
        Reference("RULES.md", "Third thing"),
    ]


def test_a_missing_section_is_found() -> None:
    known = {"RULES.md": sections("# Rules\n\n## One thing\n\n- **Bold lead**: x\n\n```\n# no heading\n```\n")}
    assert known["RULES.md"] == {"Rules", "One thing", "Bold lead"}
    found = references('RULES.md, "One thing"; RULES.md, "Gone"; OTHER.md, "One thing"')
    assert unresolved(found, known) == [Reference("RULES.md", "Gone"), Reference("OTHER.md", "One thing")]


@pytest.mark.parametrize("text", ["(DESIGN 3)", "WIRE.md 1 and 7", 'RULES.md ("One thing")', 'RULES.md\'s ("thing")'])
def test_a_reference_that_cannot_be_resolved_is_found(text: str) -> None:
    assert ODD_REFERENCE.search(text)


def test_missing_files_and_symbols_are_found() -> None:
    text = "`tables/fold.py:take` `tables/fold.py:nothing` `app/log/` `app/gone/` `a.b` `/x/y.json` `theirs.py`"
    assert wrong_paths(text, ROOT / "README.md") == ["tables/fold.py:nothing", "app/gone/", "theirs.py"]
    assert wrong_paths(text, ROOT / "app/ingest/WIRE.md") == ["tables/fold.py:nothing", "app/gone/"]


def test_missing_targets_commands_and_settings_are_found() -> None:
    spans = "`make test nothing PARTS=a` `faultline up` `faultline project create|gone` `faultline gone`"
    text = f"{spans}\n\n```\nmake gone  # make x\n```"
    assert wrong_targets(text) == ["gone", "nothing"]
    assert wrong_commands(text) == ["project gone", "gone"]
    assert wrong_settings("FAULTLINE_PORT FAULTLINE_GONE FAULTLINE_TRUTH_EVENTS") == ["FAULTLINE_GONE"]
