# SPDX-License-Identifier: Apache-2.0
"""Frames on asyncio, beside everything else that the event loop does; no threads.

usage: asynchronous.py TOPIC [COUNT]"""
import asyncio
import sys

import zoetrope


async def watch(topic, count):
    async for frame in zoetrope.asubscribe(topic):
        with frame:
            print(f"{topic}: frame {frame.seq}, {frame.latency_ms:.3f} ms old", flush=True)
        count -= 1
        if count == 0:
            return


async def tick():
    while True:
        await asyncio.sleep(0.1)
        print("tick", flush=True)


async def main():
    ticking = asyncio.create_task(tick())
    await watch(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else -1)
    ticking.cancel()


asyncio.run(main())
