"""The roles of the workers and the parts of the servers: the only list of them.

A role is one consumer group that reads one topic; the module ``agents.<name>`` registers its agents. To add a role, add
an entry here and that module: the worker, the default of FAULTLINE_ROLES, the lag, the pipeline page and
``faultline doctor`` read this list.
"""

from typing import Final, NamedTuple

from app.topics import CRASHES, DELTAS, PROCESSED, SESSIONS, TIMINGS


class Role(NamedTuple):
    """A role of a worker."""

    name: str
    topic: str
    """The topic that the role consumes, unqualified."""
    does: str
    """What the role does, for people, as the pipeline page shows it."""

    @property
    def group(self) -> str:
        """The id of the consumer group."""
        return group_of(self.name)


class Part(NamedTuple):
    """A part of a server: it answers requests and consumes no topic."""

    name: str
    does: str


ROLES: Final = (
    Role("crashes", CRASHES, "scrubs, groups, drops duplicates"),
    Role("sessions", SESSIONS, "follows each session to its end"),
    Role("timings", TIMINGS, "counts how long pages and requests take"),
    Role("rates", DELTAS, "counts each event once"),
    Role("archive", PROCESSED, "packs reports into objects"),
    Role("search", PROCESSED, "makes events findable"),
)
"""In the order in which the data passes them: those that read what ingest writes come first."""

INGEST: Final = Part("ingest", "answers an SDK once the log has the event")
WEB: Final = Part("web", "pages, API, live views")
FILES: Final = Part("files", "serves stored reports")
PARTS: Final = (INGEST, WEB, FILES)

ROLE_NAMES: Final = tuple(role.name for role in ROLES)
PART_NAMES: Final = tuple(part.name for part in PARTS)
STAGES: Final[tuple[Role | Part, ...]] = (INGEST, *ROLES, WEB, FILES)
"""Roles and parts together, in the order in which the data passes them."""

HOUSEKEEPER: Final = "rates"
"""Housekeeping runs beside this role. Every installation needs the role, so every installation keeps house."""


def group_of(name: str) -> str:
    """Return the id of the consumer group of a role."""
    return f"faultline-{name}"
