# SPDX-License-Identifier: Apache-2.0
"""A million takes leave no memory behind, no object, no descriptor; and the extension is clean under AddressSanitizer."""
# limit: 120 s
import gc
import os
import sys

import numpy

from support.python import PACKAGE  # noqa: F401

import zoetrope

TAKES = 1_000_000
ROUNDS = 20_000


def resident_kib():
    with open("/proc/self/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def usage():
    gc.collect()
    return resident_kib(), sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))


def grown(before, what):
    now = usage()
    print(f"measured: {what}: {now[0] - before[0]} KiB resident more, {now[1] - before[1]} blocks, {now[2] - before[2]} descriptors")
    assert now[0] - before[0] < 1024 and now[1] - before[1] < 500 and now[2] == before[2]


def test_million_takes():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next")

    def takes(count):
        for _ in range(count):
            publisher.publish(b"x")
            with subscriber.next() as frame:
                frame.seq

    takes(10_000)
    before = usage()
    takes(TAKES)
    grown(before, "a million takes")


def test_views_and_conversions():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next", timeout=0)
    luma, chroma = numpy.zeros((32, 32), numpy.uint8), numpy.zeros((16, 16), numpy.uint8)

    def rounds(count):
        for _ in range(count):
            publisher.publish((luma, chroma, chroma), "I420", meta=b"meta")
            with publisher.loan((32, 32, 3)) as loan:
                loan.array[...] = 1
                loan.planes, loan.data
            for frame in subscriber:
                frame.array, frame.planes, frame.data, frame.meta, frame.topic, frame.format, repr(frame)
                frame.bgr(), frame.gray(16, 16), frame.tobytes(), memoryview(frame), frame.__array_interface__
                frame.__dlpack__(), numpy.from_dlpack(frame)
            publisher.publish(zoetrope.Detections.message(frame, [(0, 0, 1, 1, 1, "x")]))
            list(zoetrope.Detections(subscriber.next()))
            publisher.wishes(), zoetrope.now_ns()

    rounds(500)
    before = usage()
    rounds(ROUNDS // 4)
    grown(before, "views and conversions")


def test_errors():
    """Each way to be refused, again and again."""
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next")
    publisher.publish(b"x")
    frame = subscriber.next()
    view = frame.data
    refused = [lambda: subscriber.next(timeout=0.000001), frame.release, frame.bgr, lambda: publisher.publish("text"),
               lambda: publisher.publish(luma, "NV12"), lambda: publisher.loan((1, 2), "BGR24"), lambda: zoetrope.info("nobody"),
               lambda: zoetrope.Subscriber("nobody"), lambda: zoetrope.Publisher("a b"), lambda: zoetrope.Detections(b""),
               lambda: zoetrope.Detections.message(frame, [(0, 0, 2, 1, 1, "x")]), lambda: subscriber.next(timeout="x"),
               lambda: publisher.publish(b"x", meta=b"x" * 49), lambda: zoetrope.Subscriber("front", mode="wrong"),
               lambda: memoryview(frame).cast("B", (5, 5)), lambda: subscriber.wish(format="wrong")]
    luma = numpy.zeros((5, 5), numpy.uint8)

    def rounds(count):
        for _ in range(count):
            for use in refused:
                try:
                    use()
                except (OSError, ValueError, TypeError, BufferError):
                    continue
                raise AssertionError("was not refused")
            with zoetrope.Subscriber("front"), zoetrope.Publisher("front"):
                pass

    rounds(50)
    before = usage()
    rounds(1000)
    grown(before, "errors, opening and closing")
    del view
