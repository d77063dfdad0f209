# SPDX-License-Identifier: Apache-2.0
"""The examples that wait for frames in an event loop: poll and libuv."""
import os
import re
import signal
import subprocess
from contextlib import contextmanager

from support import wait_for
from support.zoetrope import BUILD, domain_entries, program


@contextmanager
def example(name, *arguments):
    with subprocess.Popen([os.path.join(BUILD, "examples", name), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def published(*topics):
    """All topics have a frame."""
    listed = program("ls").stdout
    return all(re.search(rf"^{topic} ", listed, re.M) for topic in topics)


def test_poll():
    """Frames of two topics and standard input, in one poll()."""
    with example("publish", "left"), example("publish", "right"):
        wait_for(lambda: published("left", "right"), 10, "both topics")
        with example("poll", "left", "right") as poll:
            lines = [poll.stdout.readline() for _ in range(30)]
            poll.stdin.close()
            assert poll.wait(10) == 0
            poll.stdin = None
    for topic in ("left", "right"):
        numbers = [int(n) for line in lines for n in re.findall(rf"^{topic}: frame (\d+), 307200 bytes, lost 0$", line)]
        assert len(numbers) >= 10 and numbers == list(range(numbers[0], numbers[0] + len(numbers))), lines
    assert program("clean").returncode == 0 and not domain_entries()


def test_libuv():
    with example("publish", "front"):
        wait_for(lambda: published("front"), 10, "the topic")
        with example("libuv", "front") as libuv:
            lines = []
            while not any("in this second" in line for line in lines):
                lines.append(libuv.stdout.readline())
            libuv.send_signal(signal.SIGINT)
            assert libuv.wait(10) == 0
    numbers = [int(n) for line in lines for n in re.findall(r"^frame (\d+), 307200 bytes, lost 0$", line)]
    assert numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and len(numbers) == len(lines) - 1
    assert lines[-1] == f"{len(numbers)} frames in this second\n"
    assert program("clean").returncode == 0 and not domain_entries()
