"""The command line, ``faultline``: each command finds its installation by FAULTLINE_DATA and the other settings."""

import logging
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import asyncpg
import cyclopts
from cyclopts import Parameter

from app import postgres
from app.cli import show
from app.cli.show import CliError
from app.log.contract import LogError
from app.runtime import logs
from app.settings import SettingsError
from app.stores.errors import StoreUnavailable

AWAY: Final = (*postgres.AWAY, asyncpg.PostgresError, LogError, StoreUnavailable)
"""What a server that does not answer, or not as it should, raises."""

cli = cyclopts.App(
    name="faultline", help="Crash reports in, exact crash rates out.", version=lambda: metadata.version("faultline")
)
for name, place, text in (
    ("project", "projects:project", "Projects: each has its own keys, groups and numbers."),
    ("token", "projects:token", "Tokens for the HTTP API."),
    ("sign-in", "projects:sign_in", "Make another one-time address that signs a browser in."),
    ("rules", "rules:rules", "A project's own rules of grouping, as TOML."),
    ("dead-letters", "dead_letters:dead_letters", "Records that can never be processed, with the reason of each."),
    ("log", "log:log", "Which log the events are in, and the move to another one."),
    ("doctor", "doctor:doctor", "Print which servers answer, what is behind, and what to do."),
    ("settings", "show:settings", "List every setting."),
):
    cli.command(f"app.cli.{place}", name=name, help=text)  # by its path: each command loads only what it runs

Data = Annotated[Path | None, Parameter(help="Folder of everything that is kept on this machine.")]


@cli.command
def up(*, data: Data = None, port: int | None = None) -> int:
    """Run everything, supervised, in the foreground until Ctrl-C."""
    _override("DATA", data)
    _override("PORT", port)
    from app.runtime.up import run  # noqa: PLC0415  each command loads only what it runs

    return run(show.load())


@cli.command
def ingest() -> int:
    """Serve ingest: the addresses that SDKs send to."""
    return _serve({"ingest"})


@cli.command
def files() -> int:
    """Serve stored reports by their address."""
    return _serve({"files"})


@cli.command
def web() -> int:
    """Serve the API and the pages."""
    return _serve({"web"})


@cli.command
def worker(*, roles: str | None = None) -> int:
    """Run worker roles (names by comma), as ``faust -A app worker`` does with FAULTLINE_ROLES set."""
    _override("ROLES", roles)
    from app.runtime.worker import main as work  # noqa: PLC0415  each command loads only what it runs

    return work()


@cli.command
def migrate() -> None:
    """Bring the database's schema and the topics up to date; safe to repeat."""
    from app.cli.migrate import migrate as bring_up  # noqa: PLC0415  each command loads only what it runs

    bring_up(show.load())


@cli.command
def demo(*, events: int = 2000, rate: float = 40.0) -> int:
    """Send realistic traffic through real SDKs to the running installation.

    Args:
        events: How many events and sessions are sent in all.
        rate: How many a second.
    """
    from app.demo import run  # noqa: PLC0415  each command loads only what it runs

    return run(show.load(), events, rate)


def main() -> None:
    """Run the command line; an error that a user can mend is one line on stderr, without a traceback."""
    logs.configure()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # the error that ends a command says as much
    try:
        sys.exit(cli())
    except (SettingsError, CliError) as error:
        sys.exit(f"faultline: {error}")
    except AWAY as error:
        sys.exit(f"faultline: {error or type(error).__name__}; `faultline doctor` says what is wrong")
    except KeyboardInterrupt:
        sys.exit(130)


def _serve(parts: set[str]) -> int:
    from app.runtime.connect import database_url  # noqa: PLC0415  each command loads only what it runs
    from app.runtime.server import main as serve  # noqa: PLC0415  as above

    _override("DATABASE", database_url(show.load()))  # of a running `faultline up`, or the one that is set
    return serve(parts)


def _override(name: str, value: object) -> None:
    """Set the setting that an option stands for, for this process and those that it starts."""
    if value is not None:
        os.environ["FAULTLINE_" + name] = str(value)
