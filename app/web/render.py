"""Renders templates. Everything is escaped, and the policy lets a page load and run only what this server serves."""

import time
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from app import grouping
from app.stores.admin.projects import DEMO
from app.web import formatting
from app.web.highlight import marked

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


def page(template: str, *, status: int = 200, **values: Any) -> web.Response:  # noqa: ANN401  whatever a template needs
    """Render a template as an answer."""
    text = TEMPLATES.get_template(template).render(now=time.time_ns() // 1_000_000, **values)
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def asset(name: str) -> str:
    """Return the address of a static file. It holds a hash of the content, so browsers may keep the file for ever."""
    if name not in _versions:
        path = STATIC / name
        _versions[name] = sha256(path.read_bytes()).hexdigest()[:12] if path.exists() else "missing"
    return f"/static/{name}?v={_versions[name]}"


_versions: dict[str, str] = {}


def when(ms: int | None, now: int) -> Markup:
    """Render a time as its age, with the exact time on hover (the page's script converts it to the reader's zone)."""
    if ms is None:
        return unknown("unknown")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        formatting.iso(ms), formatting.exact(ms), formatting.ago(ms, now)
    )


def number(value: int | None, reason: str = "not measured") -> Markup:
    """Render a count, with the exact number on hover."""
    if value is None:
        return unknown(reason)
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value:,}", formatting.count(value))


def share(value: float | None, reason: str = "no sessions in this range") -> Markup:
    """Render a share as a percentage."""
    if value is None:
        return unknown(reason)
    return Markup('<data value="{}" title="{}">{}</data>').format(value, f"{value * 100:.4f}%", formatting.share(value))


def unknown(reason: str) -> Markup:
    """Render a value that is not known as a dash, with the reason on hover."""
    return Markup('<span class="unknown" title="{0}">\u2013<span class="sr"> ({0})</span></span>').format(reason)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("app.web"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "number": number,
        "share": share,
        "exact": formatting.exact,
        "iso": formatting.iso,
        "bars": formatting.bars,
    }
    environment.filters |= {"marked": marked, "duration": formatting.duration}
    environment.globals |= {
        "DEMO": DEMO,
        "NEWEST_GROUPING": grouping.NEWEST,
        "has_rules": grouping.has_rules,
        "when": when,
        "asset": asset,
        "unknown": unknown,
        "WIDTH": formatting.WIDTH,
        "HEIGHT": formatting.HEIGHT,
    }
    return environment


TEMPLATES: Final = _environment()
