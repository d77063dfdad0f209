# SPDX-License-Identifier: Apache-2.0
"""Clients of preview that take their time: who sends headers or a body byte by byte, or reads so, is cut off, and so is who reads nothing
of a stream. A stream that is read may last.

All at the same time, and beside other cases: this waits for the server's limits and does next to nothing."""
# limit: 180 s
import socket
import time

from support import wait_for
from support.preview import Preview, Publisher
from support.wait import promised

# seconds; docs/http.md says 10, 10, 30 and 30, and the server looks once a second; of a stream the first pictures go, at one a second
PROMISED = {"headers": 12, "body": 12, "picture": 32, "stream": 35}
IDLE = 30  # seconds that a viewer may take nothing
BODY = (b"PUT /api/v1/cameras/front/preview HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4000\r\n\r\n")


def ended(client, byte):
    """Send one more byte; has the server closed the connection?"""
    try:
        client.sendall(byte)
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def idle_viewer(preview, query):
    """One that reads the head of a stream, and then no more."""
    viewer = socket.socket()
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    viewer.connect(("127.0.0.1", preview.port))
    viewer.sendall(f"GET /api/v1/cameras/front/stream.mjpg{query} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert viewer.recv(12) == b"HTTP/1.1 200"
    return viewer


def slow_reader(preview):
    """One that has begun to read a picture, which is too large for what the kernels of both sides keep."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect(("127.0.0.1", preview.port))
    reader.sendall(b"GET /api/v1/cameras/front/snapshot.jpg?quality=100 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    if reader.recv(12) == b"HTTP/1.1 200":
        return reader
    reader.close()  # on a busy machine there may be no picture within the 2 s that the server waits
    return None


def test_slow_clients_are_not_borne():
    with Publisher(width=3840, height=2160, fps=1, mode="noise"), Preview() as preview, Preview() as other, preview.stream() as stream:
        next(stream)
        reader = wait_for(lambda: slow_reader(preview), 60, "a picture")
        descriptors, began, seconds = preview.descriptors(), time.monotonic(), {}
        idle = [idle_viewer(other, query) for query in ("", "?height=180")]  # of small pictures the kernels keep some
        viewers = other.metrics()["viewers"]
        slow = {"headers": (socket.create_connection(("127.0.0.1", preview.port)), b"GET /", b"x"),
                "body": (socket.create_connection(("127.0.0.1", preview.port)), BODY, b" ")}
        for client, request, _ in slow.values():
            client.sendall(request)
            client.setblocking(False)

        def all_cut_off():
            """What its own kernel has kept for the reader can be read on: the server's side counts."""
            next(stream)  # a picture a second
            for name, (client, _, byte) in slow.items():
                if name not in seconds and ended(client, byte):
                    seconds[name] = time.monotonic() - began
            reader.recv(1)
            if "picture" not in seconds and slow.keys() <= seconds.keys() and preview.descriptors() < descriptors:
                seconds["picture"] = time.monotonic() - began
            if "stream" not in seconds and not other.metrics()["viewers"]:
                seconds["stream"] = time.monotonic() - began
            return len(seconds) == len(PROMISED)
        wait_for(all_cut_off, 170, "all to be cut off")
        for name, took in seconds.items():
            promised(f"a client that is slow with its {name} is cut off", took, PROMISED[name])
        assert viewers == len(idle) and seconds["stream"] >= IDLE - 1, "streams were cut off too early"
        next(stream)
        for client in (reader, *idle, *(client for client, _, _ in slow.values())):
            client.close()
