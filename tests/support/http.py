# SPDX-License-Identifier: Apache-2.0
"""HTTP for tests, over the standard library: JSON, pictures, MJPEG streams cut into parts, server-sent events."""
import http.client
import json
import socket
import threading
import time

from support.wait import wait_for


def free_port():
    """A TCP port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(port, method, path, body=None, headers=(), host="127.0.0.1", timeout=10):
    """One request. Returns (status, headers, body as bytes)."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def get_json(port, path, **more):
    status, _, body = request(port, "GET", path, **more)
    assert status == 200, f"GET {path}: status {status}, {body[:300]!r}"
    return json.loads(body)


def put_json(port, path, value, **more):
    """PUT value as JSON. Returns (status, answer)."""
    status, _, body = request(port, "PUT", path, json.dumps(value), {"Content-Type": "application/json"}, **more)
    return status, json.loads(body)


class Part:
    """One picture of an MJPEG stream. The X-Zoetrope-... headers as numbers: part.sequence, part.number("Send-Time")."""

    def __init__(self, headers, body):
        self.headers, self.body = headers, body

    def number(self, name):
        value = self.headers.get("x-zoetrope-" + name.lower())
        return None if value is None else float(value)

    @property
    def sequence(self):
        return int(self.headers["x-zoetrope-sequence"])


class Parts:
    """The parts of a multipart response."""

    def __init__(self, response):
        self.response = response
        assert response.status == 200, f"stream: status {response.status}, {response.read()[:300]!r}"
        kind = response.getheader("Content-Type")
        assert kind.startswith("multipart/x-mixed-replace"), kind
        self.boundary = b"--" + kind.split("boundary=")[1].strip('"').encode().removeprefix(b"--")

    def __iter__(self):
        return self

    def __next__(self):
        line = self.response.readline()
        while line in (b"\r\n", b"\n"):
            line = self.response.readline()
        if not line:
            raise StopIteration
        assert line.rstrip() == self.boundary, f"{line!r} where {self.boundary!r} was due"
        headers = {}
        while (line := self.response.readline().strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if "content-length" not in headers:  # cut off within the headers
            raise StopIteration
        body = self.response.read(int(headers["content-length"]))
        if len(body) < int(headers["content-length"]):
            raise StopIteration
        return Part(headers, body)

    def take(self, count):
        return [part for _, part in zip(range(count), self)]  # not one more, as the other way round


class Stream(Parts):
    """An MJPEG stream of one camera, or of another path of the API."""

    def __init__(self, port, camera, query="", timeout=10, path=None, headers=()):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        self.connection.request("GET", (path or f"/api/v1/cameras/{camera}/stream.mjpg") + query, headers=dict(headers))
        super().__init__(self.connection.getresponse())

    def close(self):
        self.response.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def gaps(parts):
    """(before, after) wherever a picture's number is not the next one."""
    sequences = [part.sequence for part in parts if "x-zoetrope-state" not in part.headers]
    return [(a, b) for a, b in zip(sequences, sequences[1:]) if b != a + 1]


def without_a_gap(stream, count, tries=3):
    """The first run of count pictures without a hole in their numbers.

    A viewer that did not read for a while jumps to the newest picture: those under way are read off first. These machines
    are shared: one that takes the CPU away for longer than a camera keeps frames spoils a try. A program that loses frames by
    itself spoils all."""
    for _ in range(tries):
        while time.monotonic() - next(stream).number("Capture-Time") > 0.25:
            pass
        parts = stream.take(count)
        if len(parts) == count and not gaps(parts):
            return parts
        print(f"measured: holes {gaps(parts)} among {len(parts)} pictures")
    raise AssertionError(f"holes in the sequence in each of {tries} tries")


class Viewer(threading.Thread):
    """Reads a stream all the time, as a browser does, until the block ends; keeps headers, not pictures."""

    def __init__(self, port, camera):
        super().__init__(daemon=True)
        self.stream, self.parts, self.ended, self.leaving = Stream(port, camera), [], False, False

    def run(self):
        try:
            while not self.leaving:
                self.parts.append(Part(next(self.stream).headers, b""))
        except (OSError, StopIteration, http.client.HTTPException):
            pass
        self.ended = True

    def __enter__(self):
        self.start()
        wait_for(lambda: self.parts or self.ended, 10, "the first picture")
        return self

    def __exit__(self, *_):
        self.leaving = True
        self.join(15)
        self.stream.close()

    def check_gap_free(self, more):
        """It goes on for some pictures more, and no number is missing in all that it has seen."""
        until = len(self.parts) + more
        wait_for(lambda: len(self.parts) >= until or self.ended, 20, f"{more} more pictures")
        missing = gaps(list(self.parts))
        print(f"measured: {len(self.parts)} pictures, {len(missing)} gaps")
        assert not self.ended and not missing, f"gaps in the stream: {missing}, it has ended: {self.ended}"


def events(port, timeout=10):
    """Server-sent events: yields (event, data as JSON) until the connection ends."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    connection.request("GET", "/api/v1/events")
    response = connection.getresponse()
    assert response.status == 200 and response.getheader("Content-Type").startswith("text/event-stream")
    event, data = "message", []
    try:
        while (line := response.readline()):
            name, _, value = line.decode().rstrip("\r\n").partition(":")
            if name == "event":
                event = value.strip()
            elif name == "data":
                data.append(value.removeprefix(" "))
            elif not name and not value and data:
                yield event, json.loads("\n".join(data))
                event, data = "message", []
    finally:
        connection.close()
