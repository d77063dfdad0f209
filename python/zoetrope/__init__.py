# SPDX-License-Identifier: Apache-2.0
"""Frames and messages from one process to many, in shared memory, without a copy.

    import zoetrope

    for frame in zoetrope.subscribe("front"):       # the newest frame; waits without holding the GIL
        image = frame.array                         # numpy view, read-only, no copy; (height, width, 3) for BGR24
        print(frame.seq, frame.format, frame.latency_ms)

    publisher = zoetrope.Publisher("front")
    with publisher.loan((480, 640, 3), "BGR24") as loan:
        loan.array[...] = image                     # written in place; published at the end of the block
    publisher.publish(image)                        # the same with one copy
    publisher.publish(b"a message")

A frame does not change as long as it, or any array or memoryview over it, is alive. Keep few: a subscriber may hold `pins`
(2 unless told otherwise) at once. To keep a picture for longer, copy it: frame.array.copy(), frame.bgr().

Times are nanoseconds of CLOCK_MONOTONIC (zoetrope.now_ns()), timeouts are seconds. Errors are ValueError for wrong arguments
and closed handles, and OSError or the subclass that Python has for its errno, with a sentence that says what to do.

A handle belongs to the process that opened it: after fork() it raises ChildProcessError, and a new one works. Different
handles may be used by different threads at once. Subinterpreters may import zoetrope; each has its own handles.

Detections of a camera are messages on the topic "<camera>/detections": see Detections. An own detector: see zoetrope.detector.
"""
import time as _time
from typing import Any as _Any

from zoetrope._zoetrope import Frame, Loan, Publisher, Subscriber, __version__, clean, info, now_ns, topics
from zoetrope.aio import AsyncSubscriber, asubscribe
from zoetrope import detections as _detections
from zoetrope.detections import Detection, Detections

__all__ = ["AsyncSubscriber", "DETECTION_DTYPE", "Detection", "Detections", "Frame", "Loan", "Publisher", "Subscriber",
           "asubscribe", "clean", "info", "now_ns", "subscribe", "topics"]

_LOOK_SECONDS = 0.05  # a topic that is not there is looked for this often


def subscribe(topic: str, *, timeout: float | None = None, **options: _Any) -> Subscriber:
    """Subscribe to a topic; wait for it if it is not there yet. Returns a Subscriber, to iterate over.

    timeout  seconds: for the topic to be there, and then for each frame; None = no limit
    options  mode, group, start, pins, domain, spin, interval: as of Subscriber

    Raises FileNotFoundError if the topic is not there in time; else as Subscriber.
    """
    end = None if timeout is None else _time.monotonic() + timeout
    while True:
        try:
            return Subscriber(topic, timeout=timeout, **options)
        except FileNotFoundError:
            if end is not None and _time.monotonic() >= end:
                raise
        _time.sleep(_LOOK_SECONDS if end is None else max(0.0, min(_LOOK_SECONDS, end - _time.monotonic())))


def __getattr__(name: str) -> _Any:
    if name == "DETECTION_DTYPE":
        return _detections.dtype()
    raise AttributeError(f"module 'zoetrope' has no attribute {name!r}")
