# SPDX-License-Identifier: Apache-2.0
"""Helpers of the tests in detect/: a detector role with this process as its control, cameras of raw pictures, results."""
import contextlib
import json
import os
import socket
import subprocess
import time

from support.zoetrope import BUILD

ENGINES = os.path.join(BUILD, "tests")


def raw(source, pixels, path, *options):
    """Decode a picture or video to raw pixels of ffmpeg's format `pixels`. Gives path."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, "-pix_fmt", pixels, "-f", "rawvideo", path],
                   check=True, stdin=subprocess.DEVNULL)
    return os.path.abspath(path)


@contextlib.contextmanager
def camera(topic, path, fourcc="RGB3", size=(768, 576), fps=25, range_=0):
    """A publisher of the raw pictures in a file."""
    command = [f"{BUILD}/tests/publish_pictures", topic, fourcc, str(size[0]), str(size[1]), str(range_), str(fps), path]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.stdin.close()
            status = process.wait(5)
    assert status in (0, -9), f"publish_pictures ended with status {status}"


def grey_file(path, first_bytes):
    """A file of 16x16 RGB pictures, each with the first byte given: the slow engine tells it as the box's x * 256."""
    with open(path, "wb") as file:
        for first in first_bytes:
            file.write(bytes([first]) + bytes(16 * 16 * 3 - 1))
    return os.path.abspath(path)


def results(topic, count, seconds=20):
    """The next `count` messages of a detections topic, read by a separate process."""
    done = subprocess.run([f"{BUILD}/tests/print_detections", topic, str(count), str(seconds)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def reading(topic, count, seconds=20):
    """Start to read now; the list is filled when the block ends."""
    command = [f"{BUILD}/tests/print_detections", topic, str(count), str(seconds)]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield found
        found += [json.loads(line) for line in process.communicate()[0].splitlines()]
    assert process.returncode == 0, f"{len(found)} of {count} results in {seconds} s"


def topics():
    done = subprocess.run([os.path.join(BUILD, "tests", "topics")], capture_output=True, text=True, check=True)
    return {topic.pop("topic"): topic for topic in map(json.loads, done.stdout.splitlines())}


def command(cameras, engine="slow", model="100", **options):
    more = [text for name, value in options.items() for text in ("--" + name.replace("_", "-"), str(value))]
    return [f"{BUILD}/roles/zoetrope-detector", "--name", "objects", "--engine", engine, "--model", model, "--cameras",
            cameras, *more]


def refused(engine, model, cameras="front", environment=(), **options):
    """Run a detector that cannot begin. Gives the one sentence that it says."""
    done = subprocess.run(command(cameras, engine, model, **options), capture_output=True, text=True, timeout=30,
                          env={**os.environ, **dict(environment)})
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and not done.stdout, done.stdout + done.stderr
    print(lines[0])
    return lines[0]


class Detector:
    """A detector role; this process is its control, and speaks docs/protocol.md with it."""

    def __init__(self, cameras, engine="slow", model="100", switches=None, **options):
        self.command = command(cameras, engine, model, **options)
        self.switches = switches or {}
        self.messages, self.rest, self.turns = [], b"", 0

    def __enter__(self):
        self.channel, child = socket.socketpair()
        environment = {**os.environ, "ZOETROPE_CHANNEL": str(child.fileno()), "ZOETROPE_DETECTOR_PATH": ENGINES}
        self.process = subprocess.Popen(self.command, env=environment, pass_fds=[child.fileno()])
        child.close()
        self.send(type="start", switches={camera: {"detect": on} for camera, on in self.switches.items()})
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.send(type="quit")
        try:
            status = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.channel.close()
        assert status in (0, -9), f"the detector ended with status {status}"

    def send(self, **message):
        self.channel.sendall(json.dumps({"v": 1, **message}).encode() + b"\n")

    def receive(self, wanted, seconds=10):
        """The next message for which wanted(message) holds; others are kept in self.messages."""
        deadline = time.monotonic() + seconds
        while True:
            *lines, self.rest = self.rest.split(b"\n")
            for number, line in enumerate(lines):
                message = json.loads(line)
                self.messages.append(message)
                if wanted(message):
                    self.rest = b"\n".join([*lines[number + 1:], self.rest])
                    return message
            left = deadline - time.monotonic()
            assert left > 0, f"not heard within {seconds} s; the last words were {self.messages[-3:]}"
            self.channel.settimeout(left)
            try:
                part = self.channel.recv(65536)
            except socket.timeout:
                continue
            assert part, "the detector has closed its channel"
            self.rest += part

    def state(self, state, reason="", seconds=10):
        return self.receive(lambda m: m["type"] == "state" and m["state"] == state and reason in m["reason"], seconds)

    def metrics(self, camera, condition, seconds=10):
        """The camera's metrics, once the condition holds for them."""
        def good(message):
            return message["type"] == "state" and condition(message.get("metrics", {"cameras": {}})["cameras"].get(camera, {}))
        return self.receive(good, seconds)["metrics"]["cameras"][camera]

    def turn(self, camera, on):
        """Turn the switch. Gives the answer and the seconds it took."""
        self.turns += 1
        began = time.monotonic()
        self.send(type="turn", id=self.turns, camera=camera, verb="detect", on=on)
        answer = self.receive(lambda m: m["type"] == "turned" and m["id"] == self.turns)
        return answer, time.monotonic() - began
