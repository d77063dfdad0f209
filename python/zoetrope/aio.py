# SPDX-License-Identifier: Apache-2.0
"""Frames on asyncio: the subscriber's descriptor in the event loop, no thread."""
import asyncio

from zoetrope._zoetrope import Subscriber

_LOOK_SECONDS = 0.05  # a topic that is not there is looked for this often


class AsyncSubscriber:
    """What asubscribe() gives: an asynchronous iterator and context manager over the frames of a topic.

    It subscribes when the first frame is asked for. One task at a time may wait on it. Give it asyncio.timeout() or
    asyncio.wait_for() for time limits: a wait that is cancelled loses no frame.
    """

    def __init__(self, topic, **options):
        self.topic = topic
        self._options = {**options, "timeout": 0}
        self._subscriber = None
        self._closed = False
        self._waiter = None

    async def open(self):
        """Wait for the topic and subscribe. Gives the Subscriber underneath; taking from it is not for two at a time."""
        while self._subscriber is None:
            if self._closed:
                raise ValueError(f"the subscriber of {self.topic!r} is closed")
            try:
                self._subscriber = Subscriber(self.topic, **self._options)
            except FileNotFoundError:
                await asyncio.sleep(_LOOK_SECONDS)
        return self._subscriber

    async def latest(self):
        """The newest frame that is newer than the one taken last."""
        return await self._take("latest")

    async def next(self):
        """The frame after the one taken last."""
        return await self._take("next")

    @property
    def lost(self):
        """Frames overrun or passed over so far."""
        return self._subscriber.lost if self._subscriber else 0

    def close(self):
        """Leave the topic. A task that waits gets ValueError."""
        self._closed = True
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)
        if self._subscriber:
            self._subscriber.close()

    def __aiter__(self):
        return self

    async def __anext__(self):
        subscriber = await self.open()
        return await self._take("latest" if subscriber.mode == "latest" else "next")

    async def __aenter__(self):
        await self.open()
        return self

    async def __aexit__(self, *_):
        self.close()

    async def _take(self, how):
        take = getattr(await self.open(), how)
        while (frame := take()) is None:
            await self._readable()
        return frame

    async def _readable(self):
        if self._waiter:
            raise RuntimeError("another task waits on this subscriber; give each task one of its own")
        loop = asyncio.get_running_loop()
        descriptor = self._subscriber.fileno()
        self._waiter = loop.create_future()
        loop.add_reader(descriptor, _wake, self._waiter)
        try:
            await self._waiter
        finally:
            loop.remove_reader(descriptor)
            self._waiter = None


def _wake(waiter):
    if not waiter.done():
        waiter.set_result(None)


def asubscribe(topic, **options):
    """Subscribe on asyncio: async for frame in zoetrope.asubscribe("front"). Waits for the topic too; no threads.

    options  mode, group, start, pins, domain, interval: as of Subscriber
    """
    return AsyncSubscriber(topic, **options)
