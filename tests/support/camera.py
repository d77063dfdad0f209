# SPDX-License-Identifier: Apache-2.0
"""A camera process alone, without `zoetrope run`: the test holds the other end of its channel (docs/protocol.md).

    with Camera("file:clip.mp4", loop=True) as camera:
        frames = camera.frames(50)          # dicts with seq, capture_ns, format, md5 ..., see tests/camera/frames.c
        camera.turn(False)                  # {"actual": false, "reason": ""}
"""
import json
import os
import signal
import socket
import subprocess
import time

from support.zoetrope import BUILD

PROGRAM = os.path.join(BUILD, "roles", "zoetrope-camera")
FRAMES = os.path.join(BUILD, "tests", "frames")
TOPICS = os.path.join(BUILD, "tests", "topics")


def command(source, name, options):
    text = {key: str(value).lower() if isinstance(value, bool) else value for key, value in options.items()}
    return [PROGRAM, f"--source={source}", f"--name={name}", *(f"--{key}={value}" for key, value in text.items())]


def run(source, name="front", timeout=20, **options):
    """Run a camera that ends by itself, without a channel. Gives subprocess.CompletedProcess with text."""
    return subprocess.run(command(source, name, options), capture_output=True, text=True, timeout=timeout)


def topic(name="front"):
    """What lies in the domain of that topic, as tests/support/topics.c prints it; None if there is none."""
    lines = subprocess.run([TOPICS], capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()
    return next((t for t in map(json.loads, lines) if t["topic"] == name), None)


class Reader:
    """A subscriber in a process of its own, that can run beside other things; wait() gives its frames."""

    def __init__(self, count, name="front", hold=0, raw="", wish=()):
        """wish: width, height, and perhaps a format as frames have it."""
        arguments = [FRAMES, name, str(count), str(hold), *([raw] if raw else []), *map(str, wish)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.first = []

    def next(self):
        """Wait for one more frame."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.first.append(json.loads(line))
        return self.first[-1]

    def wait(self, timeout=50):
        out, err = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, err
        return self.first + [json.loads(line) for line in out.splitlines()]

    def kill(self):
        self.process.kill()
        self.process.communicate()


class Camera:
    def __init__(self, source, name="front", prefix=(), **options):
        """prefix: a command that becomes the camera (unshare ... exec)."""
        self.source, self.name, self.prefix, self.options = source, name, prefix, options
        self.process = self.socket = self.lines = None
        self.ids = 0
        self.last = {}

    def start(self):
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "ZOETROPE_CHANNEL": str(theirs.fileno())}
        self.process = subprocess.Popen([*self.prefix, *command(self.source, self.name, self.options)], env=environment,
                                        pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
        theirs.close()
        ours.settimeout(20)
        self.socket, self.lines = ours, ours.makefile("r", encoding="utf-8")
        self.send(type="start", switches={})
        return self

    def send(self, **message):
        self.socket.sendall(json.dumps({"v": 1, **message}).encode() + b"\n")

    def receive(self, wanted):
        """Read messages until wanted(message)."""
        while True:
            line = self.lines.readline()
            assert line, "the camera has ended: " + self.process.stderr.read()
            message = json.loads(line)
            if message["type"] == "state":
                self.last = message
            if wanted(message):
                return message

    def wait_state(self, state):
        """Wait until the camera says that it is in a state. Gives the message."""
        if self.last.get("state") == state:
            return self.last
        return self.receive(lambda m: m["type"] == "state" and m["state"] == state)

    def next_state(self):
        return self.receive(lambda m: m["type"] == "state")

    def turn(self, on):
        """Turn capture. Gives the answer, with the seconds it took."""
        self.ids += 1
        number, began = self.ids, time.monotonic()
        self.send(type="turn", id=number, camera=self.name, verb="capture", on=on)
        answer = self.receive(lambda m: m["type"] == "turned" and m["id"] == number)
        return {**answer, "seconds": time.monotonic() - began}

    def set(self, **settings):
        """Change settings. Gives the answer, with the seconds it took."""
        self.ids += 1
        number, began = self.ids, time.monotonic()
        self.send(type="set", id=number, camera=self.name, settings=settings)
        answer = self.receive(lambda m: m["type"] == "was_set" and m["id"] == number)
        return {**answer, "seconds": time.monotonic() - began}

    def frames(self, count, hold=0, raw=""):
        return Reader(count, self.name, hold, raw).wait()

    def open_files(self):
        """Paths that the process has open."""
        folder = f"/proc/{self.process.pid}/fd"
        return [os.readlink(f"{folder}/{entry}") for entry in os.listdir(folder)]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def stop(self):
        """End it as control does. Gives what it logged."""
        self.send(type="quit")
        log = self.process.communicate(timeout=20)[1]
        self.close()
        assert self.process.returncode == 0, (self.process.returncode, log)
        return log

    def close(self):
        if self.process.poll() is None:
            self.process.wait(10)
        self.process.stderr.close()
        self.lines.close()
        self.socket.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if self.process.poll() is not None or self.socket.fileno() < 0:
            return
        if kind:
            self.process.kill()
            print("---- log of the camera\n" + self.process.communicate()[1] + "----")
            self.close()
        else:
            self.stop()
