"""The first process to work on a generation stores its log; every later one must name the same."""

import asyncio

import asyncpg
import pytest

from app.log.contract import LogUnavailable
from app.log.generations import DATABASE, Generation, latest, working_generation
from app.settings import Settings, SettingsError


async def test_a_new_database_takes_the_log_of_its_first_process(database: str, kafka_url: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        assert await latest(pool) == Generation(1, None, None, None, False)
        await asyncio.gather(*(working_generation(pool, Settings(log=kafka_url, partitions=4)) for _ in range(2)))
        found = await latest(pool)
        assert found._replace(log="") == Generation(1, "", 4, 4, False)
        assert (found.log or "").endswith("/" + kafka_url.rpartition("/")[2])
        for log in (f"{kafka_url}-other", "database:"):
            with pytest.raises(SettingsError, match=r"log: .* set it back"):
                await working_generation(pool, Settings(log=log, partitions=4))
        with pytest.raises(SettingsError, match="FAULTLINE_PARTITIONS=4, not 8"):
            await working_generation(pool, Settings(log=kafka_url, partitions=8))
        assert await working_generation(pool, Settings(log=kafka_url, partitions=4)) == (1, 4)


async def test_a_kafka_that_is_away_is_no_other_log(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        with pytest.raises(LogUnavailable):
            await working_generation(pool, Settings(log="kafka://127.0.0.1:1"))
        assert await working_generation(pool, Settings(partitions=2)) == (1, 1)
        assert await latest(pool) == Generation(1, DATABASE, 2, 1, False)


async def test_a_generation_keeps_its_count_of_deltas_whatever_the_settings_are_now(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        assert await working_generation(pool, Settings(database=database, partitions=8)) == (1, 8)
        assert await working_generation(pool, Settings(partitions=8)) == (1, 8)
        await pool.execute(
            "insert into log_generations (generation, log, partitions, deltas) values (2, $1, 8, 1)", DATABASE
        )
        assert await working_generation(pool, Settings(database=database, partitions=8)) == (2, 1)
