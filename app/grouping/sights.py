"""The bytes in which features travel: in the groups of deltas, then in PostgreSQL."""

from typing import Final

import msgspec

from app.grouping.kinship import Features
from app.grouping.kinship.features import SCHEMA
from app.records import check_schema


class _Schema(msgspec.Struct, array_like=True):
    schema: int


_schema: Final = msgspec.msgpack.Decoder(_Schema)
_features: Final = msgspec.msgpack.Decoder(Features)

encode_features: Final = msgspec.msgpack.Encoder().encode


def decode_features(data: bytes) -> Features:
    """Decode features. Raises ``msgspec.DecodeError``, UnknownSchema for those of a newer Faultline."""
    check_schema("features", _schema.decode(data).schema, SCHEMA)
    return _features.decode(data)
