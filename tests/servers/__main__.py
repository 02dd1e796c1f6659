"""``python -m tests.servers``: all servers for trying things by hand, until Ctrl-C; ``--fetch`` only fetches them.

Fetching is a step of its own in ``make test``: the first fetch may take longer than the time-out of a test.
"""

import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from app.embedded import EmbeddedError, EmbeddedPostgres
from tests.servers import S3_CREDENTIALS, ServerFailed, Unavailable, elasticsearch, kafka, s3
from tests.servers.elasticsearch import fetch as fetch_elasticsearch
from tests.servers.kafka import fetch as fetch_kafka
from tests.servers.s3 import fetch as fetch_s3

FETCHES: Final = {"Kafka": fetch_kafka, "Elasticsearch": fetch_elasticsearch, "S3": fetch_s3}


def main(arguments: list[str]) -> int:
    """Run the command of the arguments and return the exit code."""
    if arguments == ["--fetch"]:
        return fetch()
    if arguments:
        _print(f"usage: python -m tests.servers [--fetch], not {' '.join(arguments)}")
        return 2
    return serve()


def fetch() -> int:
    """Fetch what is not cached. What cannot be had is printed and is no failure: the tests that need it will skip."""
    for name, get in FETCHES.items():
        try:
            get()
        except Unavailable as error:
            _print(f"no {name}: {error}")
    return 0


def serve() -> int:
    """Run PostgreSQL, Kafka, Elasticsearch and S3 until SIGINT or SIGTERM."""
    ends = {signal.SIGINT, signal.SIGTERM}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="faultline-postgres-"))
        postgres = EmbeddedPostgres(Path(folder))
        stack.callback(postgres.stop)
        try:
            _print(f"export FAULTLINE_DATABASE='{postgres.start()}'")
            _print(f"export FAULTLINE_LOG=kafka://{stack.enter_context(kafka()).address}")
            _print(f"export FAULTLINE_SEARCH={stack.enter_context(elasticsearch()).address}")
            _print(f"export FAULTLINE_FILES='{stack.enter_context(s3()).address}'")
        except (EmbeddedError, Unavailable, ServerFailed) as error:
            _print(f"not started: {error}")
            return 1
        for name, value in S3_CREDENTIALS.items():
            _print(f"export {name}={value}")
        _print("# all answer; Ctrl-C ends them and removes their data")
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        signal.sigwait(ends)
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
