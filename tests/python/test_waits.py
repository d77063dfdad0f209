# SPDX-License-Identifier: Apache-2.0
"""Waiting: time limits, Ctrl-C in each wait, other threads meanwhile, select, closing."""
import select
import signal
import threading
import time

import pytest

from support import wait_for
from support.python import started_script
from support.wait import promised

import zoetrope

# Each of these waits for ever, and is told to stop by SIGINT.
WAITS = {
    "latest": "subscriber.latest()",
    "next": "subscriber.next()",
    "timeout": "subscriber.next(timeout=1000)",
    "iteration": "next(subscriber)",
    "spin": "zoetrope.Subscriber('front', mode='next', spin=0.01).next()",
    "topic": "zoetrope.subscribe('nobody')",
    "fileno": "subscriber.fileno(); subscriber.next(0); select.select([subscriber], [], [])",
    "lossless": "[publisher.publish(b'') for _ in range(1000)]",
    "loan": "[publisher.loan(1).publish() for _ in range(1000)]",
    "asyncio": "asyncio.run(asynchronous())",
}


def interrupted(wait):
    text = f"""
        import asyncio, select, zoetrope
        publisher = zoetrope.Publisher("front", lossless=True, depth=2)
        empty = zoetrope.Publisher("empty")
        subscriber = zoetrope.Subscriber("front", mode={"'lossless'" if wait in ("lossless", "loan") else "'next'"})
        async def asynchronous():
            async for frame in zoetrope.asubscribe("empty"):
                pass
        try:
            print("ready", flush=True)
            {WAITS[wait]}
        except KeyboardInterrupt:
            print("interrupted")
    """
    if wait == "latest":
        text = text.replace("'next')", "'latest')")
    with started_script(text) as process:
        assert process.stdout.readline() == "ready\n"
        wait_for(lambda: sleeps(process.pid), 20, f"the wait {wait} to sleep")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        took = time.monotonic() - began
    assert (out, err, process.returncode) == ("interrupted\n", "", 0), (wait, out, err)
    return took


def sleeps(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


def test_keyboard_interrupt():
    promised("the slowest Ctrl-C to the end of the process", max(interrupted(wait) for wait in WAITS), 0.5)


def test_timeouts():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next", timeout=0.15)
    for wait in (subscriber.next, subscriber.latest, lambda: next(subscriber), lambda: subscriber.next(timeout=0.15)):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="topic front had no frame for 0.150 s"):
            wait()
        assert time.monotonic() - began >= 0.15
    assert subscriber.next(timeout=0) is None and subscriber.latest(0) is None
    subscriber.timeout = 0
    publisher.publish(b"1")
    publisher.publish(b"2")
    assert [bytes(frame) for frame in subscriber] == [b"1", b"2"]
    subscriber.timeout = None
    assert subscriber.timeout is None
    for wrong, error in ((-1, ValueError), ("1", TypeError), (float("nan"), ValueError)):
        with pytest.raises(error):
            subscriber.next(timeout=wrong)
    with pytest.raises(TypeError, match="at most one argument"):
        subscriber.next(1, 2)
    with pytest.raises(FileNotFoundError):
        zoetrope.subscribe("nobody", timeout=0.1)


def test_waits_for_the_topic():
    came = []
    thread = threading.Thread(target=lambda: came.append(next(zoetrope.subscribe("late", mode="next", start="oldest")).seq))
    thread.start()
    publisher = zoetrope.Publisher("late")
    publisher.publish(b"")
    thread.join(20)
    assert came == [0]


def test_wait_lets_other_threads_run():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next")
    got = []

    def take():
        got.append(bytes(subscriber.next(timeout=20)))

    thread = threading.Thread(target=take)
    thread.start()
    wait_for(lambda: other_waits(subscriber), 20, "the thread to wait")
    publisher.publish(b"x")
    thread.join(20)
    assert got == [b"x"]


def other_waits(subscriber):
    try:
        subscriber.fileno()
    except RuntimeError as error:
        return "another thread waits" in str(error)
    return False


def test_release_while_another_thread_waits():
    """The slot is free at the latest when the wait's slice is over, and the pin is there for the frame that comes."""
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next", pins=1)
    publisher.publish(b"first")
    held = [subscriber.next()]
    got = []
    thread = threading.Thread(target=lambda: got.append(bytes(subscriber.next(timeout=20))))
    thread.start()
    wait_for(lambda: other_waits(subscriber), 20, "the thread to wait")
    held.clear()
    wait_for(lambda: zoetrope.info("front")["slots_pinned"] == 0, 20, "the pin to go")
    publisher.publish(b"second")
    thread.join(20)
    assert got == [b"second"]


def test_close_while_another_thread_waits():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next")
    errors = []

    def take():
        try:
            subscriber.next()
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=take)
    thread.start()
    wait_for(lambda: other_waits(subscriber), 20, "the thread to wait")
    subscriber.close()
    thread.join(20)
    assert errors == ["the subscriber of 'front' is closed"]
    assert zoetrope.info("front")["subscribers"] == 0 and publisher.wishes() == []


def test_signal_handler_that_closes():
    """A handler may do anything to the subscriber whose wait it interrupts."""
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front")
    signal.signal(signal.SIGALRM, lambda *_: subscriber.close())
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(ValueError, match="closed"):
        subscriber.next()
    assert publisher.wishes() == []


def test_select():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next", timeout=0)
    assert list(subscriber) == [] and isinstance(subscriber.fileno(), int)
    assert list(subscriber) == [] and not select.select([subscriber], [], [], 0)[0]
    publisher.publish(b"1")
    assert select.select([subscriber], [], [], 20)[0] == [subscriber]
    assert [bytes(frame) for frame in subscriber] == [b"1"]
    assert not select.select([subscriber], [], [], 0)[0]


def test_threads_share_a_publisher():
    """Many threads, each with a subscriber of its own; numbers have no holes and nothing is lost."""
    publisher = zoetrope.Publisher("front", lossless=True, depth=8, loans=3)
    subscribers = [zoetrope.Subscriber("front", mode="lossless") for _ in range(3)]
    counts = []

    def read(subscriber):
        counts.append([frame.seq for _, frame in zip(range(600), subscriber)])

    def write():
        for _ in range(200):
            publisher.publish(b"x" * 70000)

    threads = [threading.Thread(target=read, args=[s]) for s in subscribers] + [threading.Thread(target=write) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(50)
    assert counts == [list(range(600))] * 3
