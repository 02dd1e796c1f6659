"""Real servers for tests, from package registries: Kafka and Elasticsearch by Maven, an S3 gateway by Go.

``with kafka() as server:`` fetches what it needs (once, into a cache outside the tree), starts it on free loopback
ports with its data in a temporary folder, and ends it with the block, or when this process ends, also by ``kill -9``.
Inside, ``server`` can be stopped, killed, paused, and started again on the same ports and data.
"""

from tests.servers.cache import Unavailable
from tests.servers.elasticsearch import elasticsearch
from tests.servers.kafka import kafka
from tests.servers.process import Server, ServerFailed
from tests.servers.s3 import CREDENTIALS as S3_CREDENTIALS
from tests.servers.s3 import s3

__all__ = ["S3_CREDENTIALS", "Server", "ServerFailed", "Unavailable", "elasticsearch", "kafka", "s3"]
