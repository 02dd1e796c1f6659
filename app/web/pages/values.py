"""Renders JSON values of an event as HTML, within a budget of bytes. Long texts and large values are folded. Pure.

A page must stay small whatever an application sends: what no longer fits is counted and left to the raw report.
"""

from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any, Final

from markupsafe import Markup, escape

LONG: Final = 180
"""Characters of a text that is shown whole; a longer one is folded."""
HEAD: Final = 100
"""Characters of a folded text that stay visible."""
MOST: Final = 4000
"""Characters of a text at all."""
OPEN: Final = 6
"""Entries of a nested object or list that is not folded."""
ENTRIES: Final = 60
DEPTH: Final = 4
INLINE: Final = 90
"""Characters of a list of numbers and words that stands on one line."""
FILTERED: Final = "[Filtered]"
"""What scrubbing put in place of a secret."""

_MARK: Final = Markup('<mark class="filtered" title="A secret, replaced before it was stored">[Filtered]</mark>')
_ESCAPED: Final = 6
"""Bytes of one character at most; a folded text stands there once, its start twice."""
_TINY: Final = 24
"""Characters of a value once the budget is spent."""


class Budget:
    """Bytes of HTML that one event, or a part of it, may still take.

    A part takes from its whole too, so that what one part leaves is there for the next.
    """

    def __init__(self, size: int, whole: "Budget | None" = None) -> None:
        self._left = size
        self._whole = whole

    @property
    def left(self) -> int:
        """Bytes that are left, 0 at least."""
        return max(self._left if self._whole is None else min(self._left, self._whole.left), 0)

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def take(self, size: int) -> bool:
        """Take some bytes, which may be more than are left; return whether anything was left before."""
        had_some = not self.spent
        self._left -= size
        if self._whole is not None:
            self._whole.take(size)
        return had_some

    def part(self, size: int) -> "Budget":
        """Return a budget of ``size`` within this one."""
        return Budget(size, self)


def size_of(html: str) -> int:
    """Return the bytes of a text as it is sent."""
    return len(html.encode("utf-8", "replace"))


def text_html(text: str, most: int = MOST) -> Markup:
    """Return a text, escaped, with scrubbed values marked, cut to ``most`` characters."""
    kept = text[:most]
    html = _MARK.join(escape(piece) for piece in kept.split(FILTERED))
    return html + cut_html(len(text) - most, "characters") if len(text) > most else html


def cut_html(number: int, what: str = "") -> Markup:
    """Return the note that so many of something are in the raw report alone."""
    more = f"{number:,} more {what}".rstrip()
    return Markup('<span class="cut">… {} in the raw report</span>').format(more)


def value_html(value: Any, budget: Budget, depth: int = 0) -> Markup:  # noqa: ANN401  any JSON value
    """Return a JSON value as HTML; beyond the budget its start alone."""
    if budget.spent:
        return text_html(_plain(value), _TINY)
    if isinstance(value, dict | list) and value:
        html = _nested(value, budget, depth)
    else:
        html = _scalar(value, _fitting(budget))
        budget.take(size_of(html))
    return html


def _fitting(budget: Budget) -> int:
    """Return the characters of a text that fit, escaped; some in any case."""
    return min(MOST, max(budget.left // _ESCAPED, _TINY))


def _scalar(value: Any, most: int) -> Markup:  # noqa: ANN401  any JSON value that holds no other
    if value is None:
        return Markup('<i class="nothing">null</i>')
    if isinstance(value, dict | list):
        return Markup('<i class="nothing">empty</i>')
    return _folded(_plain(value), most)


def _folded(text: str, most: int) -> Markup:
    """Return a text cut to ``most`` characters; of a long one the start, the rest opens."""
    if len(text) <= LONG or most <= LONG:
        return text_html(text, most)
    head = text_html(text[:HEAD]) + Markup('… <span class="cut">{:,} characters</span>').format(len(text))
    return Markup('<details class="long"><summary>{}</summary>{}</details>').format(head, text_html(text, most))


def _nested(value: Any, budget: Budget, depth: int) -> Markup:  # noqa: ANN401  a dict or a list with something in it
    if depth >= DEPTH:
        html = text_html(_plain(value), min(LONG, _fitting(budget)))
        budget.take(size_of(html))
        return html
    if line := _one_line(value):
        html = text_html(line)
        budget.take(size_of(html))
        return html
    inner = _object(value, budget, depth) if isinstance(value, dict) else _list(value, budget, depth)
    if len(value) <= OPEN and depth < 2:  # noqa: PLR2004  deeper ones are large as a whole
        return inner
    names = ", ".join(list(map(str, value))[:OPEN]) if isinstance(value, dict) else ""
    about = f"{len(value)} {'entries' if isinstance(value, dict) else 'items'}" + (f": {names}" if names else "")
    budget.take(80 + len(about))
    return Markup('<details class="long"><summary>{}</summary>{}</details>').format(
        text_html(about[:HEAD]) + ("…" if len(about) > HEAD else ""), inner
    )


def _one_line(value: Any) -> str:  # noqa: ANN401  a dict or a list
    """Return a short list of scalars as one line, '' for anything else."""
    if isinstance(value, dict) or any(isinstance(item, dict | list) for item in value):
        return ""
    line = ", ".join("null" if item is None else _plain(item)[:INLINE] for item in value[: INLINE // 2])
    return line if len(line) <= INLINE and len(value) <= INLINE // 2 else ""


def _object(value: Mapping[str, Any], budget: Budget, depth: int) -> Markup:
    rows, shown = [], 0
    for name, item in list(value.items())[:ENTRIES]:
        if not budget.take(40 + 2 * len(str(name)[:200])):
            break
        rows.append(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(
            text_html(str(name), 200), value_html(item, budget, depth + 1)))  # fmt: skip
        shown += 1
    return Markup('<dl class="nested">{}</dl>{}').format(Markup("").join(rows), _rest(len(value) - shown))


def _list(value: Sequence[Any], budget: Budget, depth: int) -> Markup:
    rows = []
    for item in value[:ENTRIES]:
        if not budget.take(9):
            break
        rows.append(Markup("<li>{}</li>").format(value_html(item, budget, depth + 1)))
    return Markup('<ol class="nested" start="0">{}</ol>{}').format(Markup("").join(rows), _rest(len(value) - len(rows)))


def _rest(number: int) -> Markup:
    return cut_html(number) if number > 0 else Markup("")


def _plain(value: Any) -> str:  # noqa: ANN401  any JSON value
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return dumps(value, ensure_ascii=False, default=str)
