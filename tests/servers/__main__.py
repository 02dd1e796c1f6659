"""``python -m tests.servers``: all servers for trying things by hand, until Ctrl-C; ``--fetch`` only fetches them.

Fetching is a step of its own for ``make test``: a first one may take longer than a test may.
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
    """Do what the arguments say and give the exit code."""
    if arguments == ["--fetch"]:
        return fetch()
    if arguments:
        _say(f"usage: python -m tests.servers [--fetch], not {' '.join(arguments)}")
        return 2
    return serve()


def fetch() -> int:
    """Fetch what is not cached. What can't be had is told, and no failure: the tests that need it will tell again."""
    for name, get in FETCHES.items():
        try:
            get()
        except Unavailable as error:
            _say(f"no {name}: {error}")
    return 0


def serve() -> int:
    """Run PostgreSQL, Kafka, Elasticsearch and S3 until told to end."""
    told = {signal.SIGINT, signal.SIGTERM}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="faultline-postgres-"))
        postgres = EmbeddedPostgres(Path(folder))
        stack.callback(postgres.stop)
        try:
            _say(f"export FAULTLINE_DATABASE='{postgres.start()}'")
            _say(f"export FAULTLINE_LOG=kafka://{stack.enter_context(kafka()).address}")
            _say(f"export FAULTLINE_SEARCH={stack.enter_context(elasticsearch()).address}")
            _say(f"export FAULTLINE_FILES='{stack.enter_context(s3()).address}'")
        except (EmbeddedError, Unavailable, ServerFailed) as error:
            _say(f"not started: {error}")
            return 1
        for name, value in S3_CREDENTIALS.items():
            _say(f"export {name}={value}")
        _say("# all answer; Ctrl-C ends them and removes their data")
        signal.pthread_sigmask(signal.SIG_BLOCK, told)
        signal.sigwait(told)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
