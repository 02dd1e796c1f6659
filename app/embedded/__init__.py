"""The embedded PostgreSQL: a real server as a child, in one folder, on a socket that only its owner can open."""

from app.embedded.errors import EmbeddedError
from app.embedded.lock import FolderLock
from app.embedded.server import EmbeddedPostgres, running_url

__all__ = ["EmbeddedError", "EmbeddedPostgres", "FolderLock", "running_url"]
