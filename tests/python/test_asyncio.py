# SPDX-License-Identifier: Apache-2.0
"""async for over frames: order, waiting for the topic, cancelling, closing, many at once, no threads."""
import asyncio
import threading

import pytest

from support.python import PACKAGE  # noqa: F401

import zoetrope


def test_frames_in_order():
    async def main():
        publisher = zoetrope.Publisher("front", depth=64)
        got = []

        async def read():
            async for frame in zoetrope.asubscribe("front", mode="next", start="oldest"):
                got.append(bytes(frame)[0])
                if len(got) == 50:
                    return

        async def write():
            for number in range(50):
                publisher.publish(bytes([number]))
                if number % 7 == 0:
                    await asyncio.sleep(0)

        await asyncio.wait_for(asyncio.gather(read(), write()), 20)
        assert got == list(range(50)) and threading.active_count() == 1

    asyncio.run(main())


def test_waits_for_the_topic_and_for_frames():
    async def main():
        async with asyncio.timeout(20):
            reading = asyncio.create_task(anext(aiter(zoetrope.asubscribe("late", start="oldest", mode="next"))))
            await asyncio.sleep(0)
            publisher = zoetrope.Publisher("late")
            while not publisher.wishes():
                await asyncio.sleep(0.01)
            assert not reading.done()
            publisher.publish(b"x")
            frame = await reading
            assert bytes(frame) == b"x"

    asyncio.run(main())


def test_cancelled_wait_loses_nothing():
    async def main():
        publisher = zoetrope.Publisher("front")
        async with zoetrope.asubscribe("front", mode="next") as subscriber:
            for number in range(20):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(subscriber.next(), 0.001)
                publisher.publish(bytes([number]))
                assert bytes(await subscriber.next()) == bytes([number])
            assert subscriber.lost == 0
        assert publisher.wishes() == []

    asyncio.run(main())


def test_close_and_two_tasks():
    async def main():
        publisher = zoetrope.Publisher("front")
        subscriber = zoetrope.asubscribe("front")
        waiting = asyncio.create_task(subscriber.latest())
        while not publisher.wishes():
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task waits"):
            await subscriber.latest()
        subscriber.close()
        with pytest.raises(ValueError, match="closed"):
            await waiting
        with pytest.raises(ValueError, match="closed"):
            await zoetrope.asubscribe("front").__aexit__() or await subscriber.next()

    asyncio.run(main())


def test_many_at_once():
    async def main():
        topics = [f"camera{number}" for number in range(8)]
        publishers = [zoetrope.Publisher(topic) for topic in topics]

        async def read(topic):
            count = 0
            async for frame in zoetrope.asubscribe(topic, mode="next", start="oldest"):
                assert frame.topic == topic
                count += 1
                if count == 20:
                    return count

        async def write(publisher):
            for _ in range(20):
                await asyncio.sleep(0.001)
                publisher.publish(b"x")
            while publisher.wishes():
                await asyncio.sleep(0.001)

        readers = [asyncio.create_task(read(topic)) for topic in topics]
        while not all(publisher.wishes() for publisher in publishers):
            await asyncio.sleep(0.001)
        await asyncio.wait_for(asyncio.gather(*readers, *map(write, publishers)), 30)
        assert [reader.result() for reader in readers] == [20] * 8

    asyncio.run(main())
