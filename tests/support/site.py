"""What every installation has, however its parts run: addresses, a token, a project, commands, and its folders."""

import json
import os
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ANSWER_SECONDS = 30


class Site(ABC):
    """A whole Faultline as seen from outside: by HTTP, by the command line, and in its stores."""

    folder: Path
    """Everything that it keeps on this machine, logs included."""

    settings: Mapping[str, str]
    """Its settings beyond the defaults, those that name its stores included."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The address of API and pages."""

    @property
    @abstractmethod
    def ingest_url(self) -> str:
        """The address that SDKs send to."""

    @property
    @abstractmethod
    def files_url(self) -> str:
        """The address of the file server."""

    @property
    @abstractmethod
    def token(self) -> str:
        """A token with all permissions."""

    @property
    @abstractmethod
    def project(self) -> dict[str, Any]:
        """The first project, with its DSN and Raygun key."""

    @property
    @abstractmethod
    def data(self) -> Path:
        """The data folder by which commands find it."""

    def get(self, path: str, token: str | None = None) -> Any:  # noqa: ANN401  JSON of whatever shape
        """Read JSON from the API."""
        return json.loads(self.read(path, token))

    def read(self, path: str, token: str | None = None) -> bytes:
        """Read bytes from the API; raises ``urllib.error.HTTPError``."""
        return self._ask(urllib.request.Request(self.url + path), token)

    def file(self, path: str) -> bytes:
        """Read bytes from the file server; raises ``urllib.error.HTTPError``."""
        return self._ask(urllib.request.Request(self.files_url + path))

    def new_project(self, name: str) -> dict[str, Any]:
        """Make a project that only one test sends to."""
        headers = {"Content-Type": "application/json"}
        body = json.dumps({"name": name}).encode()
        made: dict[str, Any] = json.loads(
            self._ask(urllib.request.Request(f"{self.url}/api/v1/projects", body, headers))
        )
        return made

    def command(self, *arguments: str, check: bool = True) -> str:
        """Run ``faultline …`` on it and return its output; with ``check`` it must succeed."""
        return run({**self.settings, "FAULTLINE_DATA": str(self.data)}, *arguments, check=check)

    def sign_in(self) -> str:
        """Return a one-time address that signs a browser in at the pages."""
        code = self.command("sign-in").strip().partition("?")[2]
        return f"{self.url}/sign-in?{code}"

    def _ask(self, request: urllib.request.Request, token: str | None = None) -> bytes:
        request.add_header("Authorization", f"Bearer {token or self.token}")
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            body: bytes = answer.read()
            return body


def program() -> str:
    """Return the path of the command line."""
    return str(Path(sys.executable).parent / "faultline")


def run(settings: Mapping[str, str], *arguments: str, check: bool = True) -> str:
    """Run ``faultline …`` with settings and return its output; with ``check`` it must succeed."""
    environment = {**os.environ, **settings, "COLUMNS": "200"}
    done = subprocess.run([program(), *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout
