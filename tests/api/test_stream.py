# SPDX-License-Identifier: Apache-2.0
"""Streams and snapshots of preview, seen by an HTTP client from outside."""
import socket
import threading
import time

from support import http, wait_for
from support.http import without_a_gap
from support.preview import Preview, Publisher


def take(stream, count):
    return [next(stream) for _ in range(count)]


def test_no_gap_at_30_fps():
    with Publisher(fps=30), Preview() as preview, preview.stream() as stream:
        parts = without_a_gap(stream, 150)
        rate = 149 / (parts[-1].number("Capture-Time") - parts[0].number("Capture-Time"))
        print(f"measured: {rate:.1f} pictures a second of 30")
        assert 28 < rate < 32


def test_no_gap_at_25_fps_with_boxes():
    with Publisher(fps=25), Preview() as preview, preview.stream(query="?overlay=1") as stream:
        without_a_gap(stream, 100)


def test_headers_tell_the_way_of_a_picture():
    with Publisher(), Preview() as preview, preview.stream() as stream:
        part = wait_for(lambda: (part := next(stream)).number("Result-Age") is not None and part, 5, "a result")
        times = [part.number(name) for name in ("Capture-Time", "Publish-Time", "Encode-Begin", "Encode-End", "Send-Time")]
        assert times == sorted(times) and 0 < times[-1] - times[0] < 1, times
        assert abs(time.monotonic() - times[-1]) < 1
        result = part.number("Result-Sequence")
        assert result % 5 == 0 and 0 <= part.sequence - result <= 10
        assert abs(part.number("Result-Age") - (part.sequence - result) / 30) < 0.002
        assert part.headers["content-type"] == "image/jpeg"
        assert part.body[:2] == b"\xff\xd8" and part.body[-2:] == b"\xff\xd9"


def test_a_picture_is_sent_at_once():
    """The boundary behind a picture comes with it: nobody waits for the next one."""
    with Publisher(fps=2), Preview() as preview, preview.stream() as stream:
        late = []
        for _ in range(4):
            part = next(stream)
            assert stream.response.readline() == b"\r\n" and stream.response.readline().startswith(b"--zoetrope")
            late.append(time.monotonic() - part.number("Send-Time"))
            stream.response = Pushed(stream.response, b"--zoetrope\r\n")
        print(f"measured: whole picture here {1000 * min(late):.1f} ms after sending began")
        assert sorted(late)[1] < 0.25, late


class Pushed:
    """A response with a line that is read again."""

    def __init__(self, response, line):
        self.response, self.line = response, line

    def readline(self):
        line, self.line = self.line, b""
        return line or self.response.readline()

    def read(self, count):
        return self.response.read(count)

    def close(self):
        self.response.close()


def test_five_viewers_encode_once():
    with Publisher(), Preview() as preview:
        taken = [[] for _ in range(5)]
        streams = [preview.stream() for _ in taken]
        threads = [threading.Thread(target=lambda s=s, t=t: t.extend(take(s, 90))) for s, t in zip(streams, taken)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        for stream in streams:
            stream.close()
        preview.wait_unwatched()
        seen = {part.sequence for parts in taken for part in parts}
        encoded = preview.metrics()["encoded"]
        print(f"measured: {sum(map(len, taken))} pictures to 5 viewers, {len(seen)} frames, encoded {encoded} times")
        assert all(len(parts) == 90 for parts in taken)
        assert len(seen) <= encoded <= len(seen) + 20
        begins = {}
        for parts in taken:
            for part in parts:
                assert begins.setdefault(part.sequence, part.number("Encode-Begin")) == part.number("Encode-Begin")


def stalled_viewer(port):
    """Asks for a stream, reads its first bytes, and then no more."""
    viewer = socket.create_connection(("127.0.0.1", port))
    viewer.sendall(b"GET /api/v1/cameras/front/stream.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert viewer.recv(100)
    return viewer


def newest_time(viewer, seconds):
    """Read on for a while; the last Capture-Time that came by."""
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        data = data[-20000:] + viewer.recv(65536)
    return float(data.rsplit(b"X-Zoetrope-Capture-Time: ", 1)[1].split(b"\r\n")[0])


def test_viewer_that_stops_reading_harms_nobody():
    with Publisher(), Preview() as preview, preview.stream() as stream:
        stalled = [stalled_viewer(preview.port) for _ in range(3)]
        take(stream, 30)
        cpu, began = preview.cpu_seconds(), time.monotonic()
        without_a_gap(stream, 120)
        cpu, seconds = preview.cpu_seconds() - cpu, time.monotonic() - began
        print(f"measured: {100 * cpu / seconds:.0f} % CPU beside 3 viewers that do not read")
        assert cpu < 0.6 * seconds, "busy waiting for viewers that do not read"
        newest = newest_time(stalled[0], 1)
        age = time.monotonic() - newest
        print(f"measured: a viewer that reads again is {age:.3f} s behind after a second")
        assert age < 1
        for viewer in stalled:
            viewer.close()


def test_slow_viewer_gets_newer_pictures():
    with Publisher(mode="noise"), Preview() as preview, preview.stream() as stream, preview.stream() as quick:
        # What the viewer's own kernel keeps for it is its own affair, and grows without this.
        stream.response.fp.raw._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
        ages, sequences = [], []
        for _ in range(24):
            part = next(stream)
            quick.take(5)  # it is the viewer that is slow: five pictures come meanwhile
            ages.append(time.monotonic() - part.number("Capture-Time"))
            sequences.append(part.sequence)
        print(f"measured: pictures of {len(part.body) // 1000} kB: a viewer of 6 a second is {min(ages[12:]):.2f} to {max(ages[12:]):.2f} s behind")
        assert max(ages) < 5
        assert sequences[-1] - sequences[0] > 40, "it was given old pictures"
        assert sequences == sorted(sequences)


def test_nobody_watches_nothing_is_encoded():
    with Publisher(), Preview() as preview:
        with preview.stream() as stream:
            take(stream, 10)
        preview.wait_unwatched()
        encoded = preview.metrics()["encoded"]
        first = int(preview.snapshot()[0]["X-Zoetrope-Sequence"])
        wait_for(lambda: int(preview.snapshot()[0]["X-Zoetrope-Sequence"]) > first + 30, 10, "30 more frames")
        taken = preview.metrics()["encoded"] - encoded
        headers, _ = preview.snapshot()
        begin = preview.metrics()["encoded"]
        wait_for(lambda: time.monotonic() - float(headers["X-Zoetrope-Capture-Time"]) > 0.5, 5, "half a second")
        assert preview.metrics()["encoded"] == begin and taken < 1000


def test_snapshot():
    with Publisher(), Preview() as preview:
        wait_for(lambda: preview.snapshot(), 5, "a picture")
        headers, body = preview.snapshot()
        assert headers["Content-Type"] == "image/jpeg" and int(headers["Content-Length"]) == len(body)
        assert body[:2] == b"\xff\xd8" and body[-2:] == b"\xff\xd9"
        age = time.monotonic() - float(headers["X-Zoetrope-Capture-Time"])
        assert age < 0.5, f"the snapshot is {age} s old"
        again, _ = preview.snapshot("?overlay=1")
        assert int(again["X-Zoetrope-Sequence"]) >= int(headers["X-Zoetrope-Sequence"])


def test_snapshot_without_camera_says_so():
    with Preview() as preview:
        began = time.monotonic()
        status, _, body = http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg")
        seconds = time.monotonic() - began
        assert status == 503 and b"camera front has delivered no frame within 2 s" in body
        assert 1.9 < seconds < 10


def test_stream_begins_when_the_camera_does():
    with Preview() as preview, preview.stream() as stream:
        with Publisher():
            without_a_gap(stream, 10)


def test_stream_goes_on_after_kill_of_the_publisher():
    with Preview() as preview, preview.stream() as stream, Publisher() as first:
        take(stream, 10)
        first.kill()
        with Publisher():
            parts = take(stream, 20)
            assert time.monotonic() - parts[-1].number("Capture-Time") < 1
        assert len(preview.log().splitlines()) == 1, preview.log()


def test_viewers_leave_nothing_behind():
    with Publisher(), Preview() as preview:
        preview.snapshot()
        before = preview.descriptors()
        for _ in range(40):
            with preview.stream() as stream:
                next(stream)
            preview.snapshot()
        wait_for(lambda: preview.descriptors() <= before, 5, "descriptors to be closed")
        assert preview.metrics()["viewers"] == 0


def test_viewer_of_a_dead_camera_is_noticed_to_leave():
    with Preview() as preview:
        streams = [preview.stream() for _ in range(5)]
        wait_for(lambda: preview.metrics()["viewers"] == 5, 5, "5 viewers")
        for stream in streams:
            stream.close()
        preview.wait_unwatched()
