"""Users in counts: a keyed hash, so that no store of counts holds who they are."""

from hashlib import blake2b


def user_hash(secret: bytes, identity: str) -> int:
    """Give the 64-bit hash of a user's identity (or a session's ``did``) in its project; one namespace for both."""
    digest = blake2b(identity.encode("utf-8", "replace"), digest_size=8, key=secret[:64]).digest()
    return int.from_bytes(digest, "big")
