"""Helpers for a real Chromium on an installation's pages: its errors, what overflows, what is not accessible."""

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import Any, Final

from playwright.sync_api import BrowserContext, Page

from tests.support.site import Site

SOON: Final = 60_000
"""ms in which a page must show what was sent: a limit for a busy machine, no measured promise."""

WIDER: Final = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll('main *, header *')]
    .filter((e) => e.getBoundingClientRect().right > innerWidth && !e.closest('.scroll, pre, .copyline, .seg'))
    .map((e) => e.outerHTML.slice(0, 200))"""

A11Y: Final = """() => {
  const named = (e) => (e.getAttribute('aria-label') || e.textContent.trim() || e.title || e.value
    || (e.labels && [...e.labels].map((l) => l.textContent.trim()).join('')) || '').length > 0;
  const shown = (e) => e.checkVisibility();
  const wrong = [];
  for (const e of document.querySelectorAll('a, button, summary')) if (shown(e) && !named(e)) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.labels?.length && !e.getAttribute('aria-label')) wrong.push(e.outerHTML);
  for (const e of document.querySelectorAll('svg')) if (!e.getAttribute('aria-label') && !e.getAttribute('aria-hidden'))
    wrong.push(e.outerHTML);
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) wrong.push('twice: #' + id);
  if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
  if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
  if (!document.documentElement.lang) wrong.push('no language');
  if (!document.title) wrong.push('no title');
  return wrong;
}"""


class Watched:
    """An open page that records its errors, its warnings, and its requests to other hosts."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self._note(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda sent: self._elsewhere(sent.url, base))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    def _elsewhere(self, url: str, base: str) -> None:
        if not url.startswith(base):
            self.complaints.append(f"a request to {url}")


def send(project: dict[str, Any], kind: str, text: str, **more: Any) -> str:  # noqa: ANN401  any JSON
    """Send one crash as a Sentry SDK does; return its id."""
    name = uuid.uuid4().hex
    frame = {"function": "pay", "module": "shop.pay", "filename": "shop/pay.py", "lineno": 3, "in_app": True}
    frame |= {"context_line": "    raise_it()", "pre_context": ["def pay():"], "vars": {"text": text}}
    raised = {"type": kind, "value": text, "stacktrace": {"frames": [frame]}}
    event = {"event_id": name, "platform": "python", "release": "shop@1.0.0", "exception": {"values": [raised]}, **more}
    key, _, rest = project["dsn"].removeprefix("http://").partition("@")
    host, _, number = rest.rpartition("/")
    address = f"http://{host}/api/{number}/store/?sentry_key={key}"
    request = urllib.request.Request(address, json.dumps(event).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    return name


def measure(installation: Site, project: dict[str, Any], name: str) -> None:
    """Send a duration as raygun4js does, and wait until it is counted."""
    items = [{"url": name, "timing": {"t": kind, "du": 80.5}} for kind in "tw"]
    event = {"type": "web_request_timing", "version": name, "data": json.dumps(items)}
    address = f"{installation.ingest_url}/events?apikey={project['raygun_key']}"
    request = urllib.request.Request(address, json.dumps({"eventData": [event]}).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
    end = time.monotonic() + SOON / 1000
    while not installation.get(f"/api/v1/projects/{project['id']}/timings")["timings"]:
        assert time.monotonic() < end, "the duration is not counted"
        time.sleep(0.1)


def counted(installation: Site, name: str) -> str:
    """Wait until an event can be opened; return its group."""
    end = time.monotonic() + SOON / 1000
    while True:
        try:
            return str(installation.get(f"/api/v1/events/{name}")["group"])
        except urllib.error.HTTPError as error:
            if error.code != 404 or time.monotonic() > end:
                raise
            time.sleep(0.1)
