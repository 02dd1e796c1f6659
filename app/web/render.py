"""Makes pages of templates: escaping is on for everything, and no page may load or run what is not ours."""

import time
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from app.web import formatting
from app.web.highlight import marked
from app.web.params import iso

STATIC: Final = Path(str(resources.files("app.web") / "static"))
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def page(template: str, *, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401  whatever a template shows
    """Answer with a page."""
    text = TEMPLATES.get_template(template).render(now=time.time_ns() // 1_000_000, **values)
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def asset(name: str) -> str:
    """Give the address of a static file; it changes with the file's content, so that it can be kept for ever."""
    if name not in _versions:
        path = STATIC / name
        _versions[name] = sha256(path.read_bytes()).hexdigest()[:12] if path.exists() else "missing"
    return f"/static/{name}?v={_versions[name]}"


_versions: dict[str, str] = {}


def when(ms: int | None, now: int) -> Markup:
    """Show a time as how long ago it was, the exact one on hover (the page's script puts it into the reader's zone)."""
    if ms is None:
        return unknown("not known")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(ms), formatting.exact(ms), formatting.ago(ms, now)
    )


def number(value: int | None, reason: str = "not measured") -> Markup:
    """Show a count, the exact one on hover."""
    if value is None:
        return unknown(reason)
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value:,}", formatting.count(value))


def share(value: float | None, reason: str = "no sessions were received in this range") -> Markup:
    """Show a share as a percentage."""
    if value is None:
        return unknown(reason)
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value * 100:.4f}%", formatting.share(value))


def unknown(reason: str) -> Markup:
    """Show that something is not known, and why."""
    return Markup('<span class="unknown" title="{0}">\u2013<span class="sr"> ({0})</span></span>').format(reason)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("app.web"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"number": number, "share": share, "exact": formatting.exact, "iso": iso, "bars": formatting.bars}
    made.filters |= {"marked": marked, "duration": formatting.duration}
    made.globals |= {
        "when": when,
        "asset": asset,
        "unknown": unknown,
        "WIDTH": formatting.WIDTH,
        "HEIGHT": formatting.HEIGHT,
    }
    return made


TEMPLATES: Final = _environment()
