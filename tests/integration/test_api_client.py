"""A client that openapi-python-client generates from the server's document, and the documentation page."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from tests.integration.web_events import crash, other
from tests.integration.web_site import Site

LIST = """
import json, sys
sys.path.insert(0, sys.argv[1])
from made import AuthenticatedClient
from made.api.groups import set_status
from made.api.projects import groups, projects
from made.models import GroupsStatus, StatusBody, StatusBodyStatus

client = AuthenticatedClient(base_url=sys.argv[2], token=sys.argv[3])
(project,) = projects.sync(client=client).projects
listed = groups.sync(project.id, client=client, limit=10).groups
set_status.sync(listed[0].id, client=client, body=StatusBody(status=StatusBodyStatus.RESOLVED))
rest = groups.sync(project.id, client=client, status=GroupsStatus.OPEN).groups
print(json.dumps([sorted(group.title for group in listed), len(rest), listed[0].first_seen.isoformat()]))
"""


def run(*command: str) -> str:
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def test_a_generated_client_lists_and_changes_groups(site: Site, tmp_path: Path) -> None:
    for event in (crash(), other()):
        await site.send(event)
    await site.pipeline.step()
    document = tmp_path / "openapi.json"
    async with site.http.get(f"{site.url}/api/v1/openapi.json") as answer:
        document.write_bytes(await answer.read())
    said = await asyncio.to_thread(
        run, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none",
        "--output-path", str(tmp_path / "made"),
    )  # fmt: skip
    assert "parse" not in said.lower()
    printed = await asyncio.to_thread(run, "-c", LIST, str(tmp_path), site.url, site.token)
    titles, rest, _ = json.loads(printed)
    assert titles == ["PriceError: no price", "StockError: no stock"]
    assert rest == 1


async def test_the_documentation_shows_every_operation(site: Site) -> None:
    document = await site.get("/api/v1/openapi.json")
    async with site.http.get(f"{site.url}/api") as answer:
        text = await answer.text()
        assert answer.status == 200
    for path, methods in document["paths"].items():
        assert f"<code>{path}</code>" in text
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in text
    assert "<script>" not in text
    assert site.token not in text
