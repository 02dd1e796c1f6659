"""Reads everything that an installation keeps, as bytes, from its stores: a secret is found wherever it was written."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
from aiobotocore.session import get_session
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

Kept = tuple[str, bytes | str | None]
"""A place, and its content."""

SOURCES: Final = ("crashes", "sessions", "timings")
"""The topics of the log that hold requests as they were sent."""

MOST_HITS: Final = 10_000
LARGEST_FETCH: Final = 64 << 20


async def rows(database: str) -> AsyncIterator[Kept]:
    """Yield every value of every table, but those of the log's source topics."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        tables = await pool.fetch(
            "select c.oid::regclass::text as name,"
            " array(select quote_ident(attname) from pg_attribute a where a.attrelid = c.oid"
            "       and atttypid = 'bytea'::regtype and attnum > 0 and not attisdropped) as blobs"
            " from pg_class c"
            " where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace"
        )
        assert len(tables) > 10
        for name, blobs in tables:
            where = f" where not {_SOURCES}" if name == "log_records" else " where $1::text[] is not null"
            for expression in ("t::text", *blobs):
                query = f"select {expression} from {name} t{where}"  # noqa: S608  names of the catalogue
                for row in await pool.fetch(query, list(SOURCES)):
                    yield f"{name}.{expression}", row[0]


_SOURCES = "topic_id in (select id from log_topics where split_part(name, '.', 2) = any($1))"


async def records(settings: Mapping[str, str], *, sources: bool) -> AsyncIterator[Kept]:
    """Yield the records of the log's source topics, or of all others: their keys, values and headers."""
    log = urlsplit(settings.get("FAULTLINE_LOG", "database:"))
    if log.scheme == "kafka":
        async for kept in _kafka(log.netloc, log.path.strip("/"), sources=sources):
            yield kept
        return
    connection = await asyncpg.connect(settings["FAULTLINE_DATABASE"])
    which = _SOURCES if sources else f"not {_SOURCES}"
    query = f"select value from log_records where {which}"  # noqa: S608  the text above
    for row in await connection.fetch(query, list(SOURCES)):
        yield "log_records", row[0]
    await connection.close()


async def _kafka(servers: str, prefix: str, *, sources: bool) -> AsyncIterator[Kept]:
    """Read every topic of a prefix, from its beginning to its present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, max_partition_fetch_bytes=LARGEST_FETCH)
    await consumer.start()
    try:
        topics = {name: count async for name, count in _topics(servers) if name.startswith(f"{prefix}.")}
        assert len(topics) > len(SOURCES), topics
        for name, count in topics.items():
            if (name.rpartition(".")[2] in SOURCES) is sources:
                async for content in _records(consumer, [TopicPartition(name, number) for number in range(count)]):
                    yield name, content
    finally:
        await consumer.stop()


async def _topics(servers: str) -> AsyncIterator[tuple[str, int]]:
    """Yield each topic's name and how many partitions it has."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        for topic in await admin.describe_topics():
            yield topic["topic"], len(topic["partitions"])
    finally:
        await admin.close()


async def _records(consumer: Any, partitions: list[TopicPartition]) -> AsyncIterator[bytes]:  # noqa: ANN401  untyped
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    while [each for each in partitions if await consumer.position(each) < ends[each]]:
        for messages in (await consumer.getmany(timeout_ms=500)).values():
            for message in messages:
                yield b" ".join([message.key or b"", message.value or b"", *(value for _, value in message.headers)])


async def documents(settings: Mapping[str, str]) -> AsyncIterator[Kept]:
    """Yield the documents of Elasticsearch, where one is in use, as JSON."""
    search = urlsplit(settings.get("FAULTLINE_SEARCH", "database:"))
    if not search.scheme.startswith("http"):
        return
    address = f"{search.scheme}://{search.netloc}/{parse_qs(search.query)['index'][0]}*/_search?size={MOST_HITS}"
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(address) as answer:
        hits = (await answer.json())["hits"]["hits"]
    assert 0 < len(hits) < MOST_HITS
    for hit in hits:
        yield hit["_index"], str(hit)


async def objects(settings: Mapping[str, str], folder: Path) -> AsyncIterator[Kept]:
    """Yield the archive's objects, from S3 or from the folder that takes its place."""
    place = urlsplit(settings.get("FAULTLINE_FILES", ""))
    if place.scheme != "s3":
        for kept in await asyncio.to_thread(lambda: list(files(folder / "files"))):
            yield kept
        return
    options = parse_qs(place.query)
    async with get_session().create_client(
        "s3", endpoint_url=options["endpoint"][0], region_name=options["region"][0],
        aws_access_key_id=settings.get("AWS_ACCESS_KEY_ID", os.environ.get("AWS_ACCESS_KEY_ID")),
        aws_secret_access_key=settings.get("AWS_SECRET_ACCESS_KEY", os.environ.get("AWS_SECRET_ACCESS_KEY")),
    ) as client:  # fmt: skip
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=place.path.strip("/"))
        async for page in pages:
            for row in page.get("Contents", ()):
                answer = await client.get_object(Bucket=place.netloc, Key=row["Key"])
                yield row["Key"], await answer["Body"].read()


def files(folder: Path) -> Iterator[Kept]:
    """Yield every file of a folder and those below."""
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file), file.read_bytes()
