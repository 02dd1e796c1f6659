"""Tells a new store of raw reports from one that lost its folder: the catalogue knows whether objects were written."""

from app.files.catalogue import Catalogue
from app.stores.errors import FolderUnprepared
from app.stores.objects.contract import ObjectStore


async def check(blobs: ObjectStore, catalogue: Catalogue) -> None:
    """Check that the store answers, or is new: then the first batch makes it. Raises StoreUnavailable."""
    try:
        await blobs.ping()
    except FolderUnprepared:
        if not await _may_prepare(blobs, catalogue):
            raise


async def prepare(blobs: ObjectStore, catalogue: Catalogue) -> None:
    """Make a store usable that is new, or that a Faultline without markers wrote. Raises StoreUnavailable.

    Raises FolderUnprepared where the catalogue lists objects that the folder does not have.
    """
    try:
        await blobs.ping()
    except FolderUnprepared:
        if not await _may_prepare(blobs, catalogue):
            raise
        await blobs.prepare()


async def _may_prepare(blobs: ObjectStore, catalogue: Catalogue) -> bool:
    """Return whether no object was ever written, or one of the newest is there."""
    newest = await catalogue.newest()
    if not newest:
        return True
    try:
        await blobs.size(newest)
    except FileNotFoundError:
        return False
    return True
