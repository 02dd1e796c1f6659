"""S3: a gateway over a folder, made by Go from its source. It has one bucket and one account."""

import contextlib
from pathlib import Path
from typing import Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.servers.cache import cached, download, tool
from tests.servers.process import Server, served
from tests.support.ports import free_ports, listens

VERSION: Final = "v1.8.0"
MODULE: Final = "github.com/versity/versitygw/cmd/versitygw"
BUCKET: Final = "faultline"
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "faultline", "AWS_SECRET_ACCESS_KEY": "a-secret-of-tests"}
"""The environment that a client needs."""


def s3() -> contextlib.AbstractContextManager[Server]:
    """Run one; its address is a value of FAULTLINE_FILES without a prefix. Raises Unavailable, ServerFailed."""
    program = str(fetch() / "versitygw")

    def make(folder: Path) -> Server:
        (port,) = free_ports(1)
        for name in ("objects", "attributes"):
            (folder / name).mkdir()
        listen = ["--port", f"127.0.0.1:{port}", "--quiet"]
        backend = ["posix", "--sidecar", str(folder / "attributes"), str(folder / "objects")]
        environ = {
            "ROOT_ACCESS_KEY": CREDENTIALS["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        }
        address = f"s3://{BUCKET}?endpoint=http://127.0.0.1:{port}&region=us-east-1&path_style=1"
        return Server(address, [program, *listen, *backend], folder, lambda: _has_bucket(port), environ)

    return served("s3", make)


def fetch() -> Path:
    """Return the folder with the gateway's program. Raises Unavailable."""

    def make(folder: Path) -> None:
        environ = {"GOBIN": str(folder), "GOFLAGS": "-trimpath", "CGO_ENABLED": "0"}
        download("Go cannot make the S3 gateway", [tool("go"), "install", f"{MODULE}@{VERSION}"], folder, environ)

    return cached(f"versitygw-{VERSION}", make)


def _has_bucket(port: int) -> bool:
    """Return whether the gateway answers; makes the bucket where it is not there yet."""
    if not listens(port):
        return False
    client = botocore.session.get_session().create_client(
        "s3", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
    )  # fmt: skip
    try:
        if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=BUCKET)
    except (BotoCoreError, ClientError):
        return False
    finally:
        client.close()
    return True
