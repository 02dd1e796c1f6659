"""Takes requests of Sentry and Raygun SDKs: authenticate, limit, unpack, cut into records, append to the log, reply.

A reply of success leaves when the log has acknowledged the records. What SDKs send and expect is in ``WIRE.md``.
"""
