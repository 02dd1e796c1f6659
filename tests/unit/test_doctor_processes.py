"""The lines of ``faultline doctor`` on the processes."""

from uuid import UUID

from app.cli.doctor import _processes
from app.settings import Settings
from app.stores.admin.instances import Figures, Instance


def instance(part: str, *roles: str) -> Instance:
    return Instance(
        id=UUID(int=1), part=part, host="h", pid=7, version="0.1.0", memory=64 << 20,
        figures=dict.fromkeys(roles, Figures()),
    )  # fmt: skip


def test_processes_are_listed_and_missing_roles_have_a_remedy() -> None:
    roles = [name for name in Settings().role_names if name != "rates"]
    running = [instance("server", "ingest", "web"), instance("worker", *roles)]
    findings = list(_processes(running))
    assert findings[0].what == "server on h, pid 7: ingest, web, 64 MiB, version 0.1.0"
    missing = {finding.what: finding.remedy for finding in findings if not finding.well}
    assert missing == {
        "files: no process runs it": "start `faultline up` or `faultline files`",
        "rates: no process runs it": "start `faultline up` or `faultline worker --roles rates`",
    }


def test_an_installation_with_all_parts_is_well() -> None:
    running = [instance("server", "ingest", "web", "files"), instance("worker", *Settings().role_names)]
    assert all(each.well for each in _processes(running))
