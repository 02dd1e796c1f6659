"""A client that openapi-python-client generates from a running installation's document reads every reply of it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.site import Site
from tests.system.sdk_check import Api
from tests.system.sdk_run import run_program, sdk_environment

SHOP = "shop_sentry.py"
SENT, CRASHES = 3, 2
CALLS = """
import importlib, json, sys
folder, url, token, calls = sys.argv[1:]
sys.path.insert(0, folder)
from made import AuthenticatedClient

client = AuthenticatedClient(base_url=url, token=token)
for name, of in json.loads(calls):
    reply = importlib.import_module(f"made.api.{name}").sync_detailed(*of, client=client)
    print(json.dumps([name, int(reply.status_code), json.loads(reply.content), reply.parsed.to_dict()]))
"""


async def test_a_generated_client_reads_every_reply(installation: Site, tmp_path: Path) -> None:
    api = Api(installation, installation.new_project("generated"))
    await run_program(SHOP, sdk_environment(installation.ingest_url, api.project), tmp_path)
    assert await api.wait_visible(SENT, CRASHES)
    document, groups, found = await api.get("/api/v1/openapi.json"), await api.groups(), await api.found()
    ids = {"project": api.project["id"], "group": groups[0]["id"], "event": found[0]["event_id"]}
    calls = list(_calls(document, ids))
    read = {reply[0]: reply[1:] for reply in await asyncio.to_thread(_read, installation, document, calls, tmp_path)}
    assert len(read) == len(calls) > 10
    for name, (status, received, parsed) in read.items():
        assert (name, status, _moments(parsed)) == (name, 200, _moments(received))
    listed = read["projects.groups"][2]["groups"]
    assert sorted(row["id"] for row in listed) == sorted(row["id"] for row in groups)


def _calls(document: dict[str, Any], ids: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield each operation that answers JSON and changes nothing: its module in the client, its arguments by place."""
    for path in document["paths"].values():
        operation = path.get("get")
        if operation and "application/json" in operation["responses"]["200"].get("content", ()):
            named = [item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"]
            yield f"{operation['tags'][0]}.{operation['operationId']}", [ids[name] for name in named]


def _read(site: Site, document: dict[str, Any], calls: list[tuple[str, list[Any]]], folder: Path) -> list[list[Any]]:
    """Generate the client and have a process of its own make the calls."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    made = ["--path", str(file), "--meta", "none", "--output-path", str(folder / "made")]
    assert "parse" not in _run("-m", "openapi_python_client", "generate", *made).lower()
    printed = _run("-c", CALLS, str(folder), site.url, site.token, json.dumps(calls))
    return [json.loads(line) for line in printed.splitlines()]


def _run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _moments(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return JSON with texts that are times as such: the client writes them in another form."""
    if isinstance(value, dict):
        return {name: _moments(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_moments(item) for item in value]
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value
