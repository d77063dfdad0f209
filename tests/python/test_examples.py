# SPDX-License-Identifier: Apache-2.0
"""The examples in Python, each as a user starts it, beside the publisher that is an example in C."""
import os
import re
from contextlib import contextmanager

import numpy

from support.python import STRICT, started
from support.zoetrope import BUILD, SOURCE, program

import zoetrope


def example(name, *arguments):
    return started([*STRICT, os.path.join(SOURCE, "examples", name), *arguments])


@contextmanager
def cameras(*topics):
    """Living pictures on these topics."""
    publishers = [started([f"{BUILD}/examples/publish", topic]) for topic in topics]
    for publisher in publishers:
        publisher.__enter__()
    try:
        yield
    finally:
        for publisher in publishers:
            publisher.__exit__(None, None, None)
        assert program("clean").returncode == 0


def finish(process, lines=()):
    out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, ""), (process.returncode, out, err)
    return [*lines, *out.splitlines()]


def test_latency():
    with cameras("front"), example("latency.py", "front", "20") as process:
        lines = finish(process)
    frames = [re.fullmatch(r"frame (\d+): GREY 640x480, [\d.]+ ms old, lost (\d+), brightness (\d+)", line) for line in lines[:-1]]
    assert len(frames) == 20 and all(frames)
    for frame in frames:
        assert int(frame[3]) == int(frame[1]) % 256         # the publisher paints the frame's number
    assert re.fullmatch(r"latency of 20 frames: p50 [\d.]+ ms, p99 [\d.]+ ms", lines[-1])
    print(f"measured: {lines[-1]}")


def test_edges():
    """OpenCV writes into the loan itself."""
    publisher = zoetrope.Publisher("front")
    picture = numpy.zeros((100, 200, 3), numpy.uint8)
    picture[:, 100:] = 255
    with example("edges.py", "front", "1") as process:
        reader = zoetrope.subscribe("front/edges", mode="next", timeout=30)
        while not zoetrope.info("front")["subscribers"]:
            assert process.poll() is None
        publisher.publish(picture, capture_time_ns=77)
        frame = reader.next()
        assert frame.array.shape == (100, 200) and frame.capture_time_ns == 77
        edges = numpy.flatnonzero(frame.array.any(axis=0))
        assert edges.size and 97 <= edges.min() <= edges.max() <= 102
        assert finish(process) == ["frame 0 -> 0"]


def test_asynchronous():
    with cameras("front"), example("asynchronous.py", "front", "30") as process:
        lines = finish(process)
    assert sum(line.startswith("front: frame ") for line in lines) == 30 and "tick" in lines


def test_cameras():
    with cameras("left", "right"), example("cameras.py", "40", "left", "right") as process:
        lines = finish(process)
    assert all(re.fullmatch(r"(left|right): frame \d+, 640x480", line) for line in lines) and len(lines) >= 40
    assert {line.split(":")[0] for line in lines} == {"left", "right"}


def test_readme_and_manual():
    """The first program of README.md and of docs/python.md, as it stands there."""
    for name in ("README.md", "docs/python.md"):
        with open(os.path.join(SOURCE, name), encoding="utf-8") as stream:
            program = re.search(r"^```python\n(.*?)^```", stream.read(), re.S | re.M)[1]
        with cameras("front"), started([*STRICT, "-u", "-c", program + "    print(image.shape if 'image' in dir() else img.shape)\n"]) \
                as process:
            lines = [process.stdout.readline() for _ in range(6)]
            assert "(480, 640)\n" in lines, (lines, process.stderr.read())
