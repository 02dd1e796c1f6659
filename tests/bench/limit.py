"""The limit of any agent on Kafka in Python. Arguments: ``URL TOPIC``; writes its seconds to FAULTLINE_READY_FD.

aiokafka's ``getmany`` reads from the first record to the last. Of each record the facts and the report are decoded into
the typed fields that the crashes agent decodes, and the hash is made that is an event's key. Nothing is scrubbed,
grouped, remembered or written.
"""

import asyncio
import json
import os
import sys
from time import perf_counter, process_time
from typing import Any, Final

import msgspec

from app.log.kafka.address import Address
from app.log.kafka.reader import consumer_of, started
from app.normalise.sentry_shape import LightFrame, SentryEvent
from app.records import decode_facts
from app.topics import FACTS, identity
from tests.bench.site import PARTITIONS

POLL_MS: Final = 200
RECORDS: Final = 1000

_decode: Final = msgspec.json.Decoder(SentryEvent[LightFrame]).decode


async def run(url: str, topic: str) -> dict[str, float]:
    """Read the topic; return how many records it has, and their seconds of CPU and by the clock."""
    address = Address.parse(url)
    consumer = await started(consumer_of(address))
    places = [address.partition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(places)
    wanted, done = sum((await consumer.end_offsets(places)).values()), 0
    used, begun = process_time(), perf_counter()
    await consumer.seek_to_beginning(*places)
    while done < wanted:
        for records in (await consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS)).values():
            for record in records:
                _work(record)
            done += len(records)
    took = {"records": done, "cpu": process_time() - used, "clock": perf_counter() - begun}
    await consumer.stop()
    return took


def _work(record: Any) -> None:  # noqa: ANN401  aiokafka publishes no types
    facts = decode_facts(dict(record.headers)[FACTS])
    _decode(record.value)
    identity(facts.project, facts.event_id)


def main(url: str, topic: str) -> None:
    """Read the topic and report."""
    took = asyncio.run(run(url, topic))
    with os.fdopen(int(os.environ["FAULTLINE_READY_FD"]), "w") as pipe:
        pipe.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
