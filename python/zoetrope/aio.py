# SPDX-License-Identifier: Apache-2.0
"""Frames on asyncio: the subscriber's descriptor in the event loop, no thread."""
import asyncio
from typing import Any

from zoetrope._zoetrope import Frame, Subscriber

_LOOK_SECONDS = 0.05  # a topic that is not there is looked for this often


class AsyncSubscriber:
    """What asubscribe() gives: an asynchronous iterator and context manager over the frames of a topic.

    It subscribes when the first frame is asked for. One task at a time may wait on it. Give it asyncio.timeout() or
    asyncio.wait_for() for time limits: a wait that is cancelled loses no frame.
    """

    def __init__(self, topic: str, **options: Any) -> None:
        self.topic = topic
        self._options = {**options, "timeout": 0}
        self._subscriber: Subscriber | None = None
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None

    async def open(self) -> Subscriber:
        """Wait for the topic and subscribe. Gives the Subscriber underneath; taking from it is not for two at a time."""
        while self._subscriber is None:
            if self._closed:
                raise ValueError(f"the subscriber of {self.topic!r} is closed")
            try:
                self._subscriber = Subscriber(self.topic, **self._options)
            except FileNotFoundError:
                await asyncio.sleep(_LOOK_SECONDS)
        return self._subscriber

    async def latest(self) -> Frame:
        """The newest frame that is newer than the one taken last."""
        return await self._take("latest")

    async def next(self) -> Frame:
        """The frame after the one taken last."""
        return await self._take("next")

    @property
    def lost(self) -> int:
        """Frames overrun or passed over so far."""
        return self._subscriber.lost if self._subscriber else 0

    def close(self) -> None:
        """Leave the topic. A task that waits gets ValueError."""
        self._closed = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
        if self._subscriber:
            self._subscriber.close()

    def __aiter__(self) -> "AsyncSubscriber":
        return self

    async def __anext__(self) -> Frame:
        subscriber = await self.open()
        return await self._take("latest" if subscriber.mode == "latest" else "next")

    async def __aenter__(self) -> "AsyncSubscriber":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def _take(self, how: str) -> Frame:
        subscriber = await self.open()
        take = subscriber.latest if how == "latest" else subscriber.next
        while True:
            frame = take(timeout=0)
            if frame is not None:
                return frame
            await self._readable(subscriber)

    async def _readable(self, subscriber: Subscriber) -> None:
        if self._waiter:
            raise RuntimeError("another task waits on this subscriber; give each task one of its own")
        loop = asyncio.get_running_loop()
        descriptor = subscriber.fileno()
        self._waiter = loop.create_future()
        loop.add_reader(descriptor, _wake, self._waiter)
        try:
            await self._waiter
        finally:
            loop.remove_reader(descriptor)
            self._waiter = None


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def asubscribe(topic: str, **options: Any) -> AsyncSubscriber:
    """Subscribe on asyncio: async for frame in zoetrope.asubscribe("front"). Waits for the topic too; no threads.

    options  mode, group, start, pins, domain, interval: as of Subscriber
    """
    return AsyncSubscriber(topic, **options)
