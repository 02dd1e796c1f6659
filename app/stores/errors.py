"""The errors that every store raises while it cannot work. ``code`` is that of ``app.outages``: it names the store."""


class StoreUnavailable(Exception):
    """A store does not answer, or refuses for a passing reason. Nothing is lost by waiting: back off and retry."""

    code = "store_unavailable"


class FilesUnavailable(StoreUnavailable):
    """The folder or the bucket of raw reports cannot be used."""

    code = "files_unavailable"


class FolderUnprepared(FilesUnavailable):
    """The folder of raw reports has no marker: it is new, it was moved away, or its disk is not mounted."""


class SearchUnavailable(StoreUnavailable):
    """Elasticsearch does not answer."""

    code = "search_unavailable"
