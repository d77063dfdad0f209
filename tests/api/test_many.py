# SPDX-License-Identifier: Apache-2.0
"""Streams of many cameras in one response, and pictures as they are asked for: rate, size, quality, boxes."""
import io
import json
import time
from contextlib import ExitStack

from PIL import Image

from support import http, wait_for
from support.http import gaps
from support.preview import FIRST_BOX, Preview, Publisher

STREAM = "/api/v1/stream"


def many(preview, query):
    return http.Stream(preview.port, None, query, path=STREAM)


def camera_of(part):
    return part.headers.get("x-zoetrope-camera")


def size(part):
    return Image.open(io.BytesIO(part.body)).size


def unbroken(stream):
    """A stretch of both cameras without a gap, with the results of both."""
    parts = stream.take(150)
    results = [json.loads(part.body) for part in parts if part.headers.get("x-zoetrope-event") == "detections"]
    counts = []
    for name in ("front", "back"):
        pictures = [part for part in parts if camera_of(part) == name]
        found = [result for result in results if result["camera"] == name]
        counts += [len(pictures), len(found)]
        assert [part.sequence for part in pictures] == sorted(part.sequence for part in pictures)
        assert all(result["boxes"][0]["box"] == [0.25, 0.25, 0.25, 0.5] for result in found)
        if gaps(pictures) or len(pictures) < 40 or len(found) < 5:
            print(f"measured: {name}: {len(pictures)} pictures, {len(gaps(pictures))} gaps, {len(found)} results: once more")
            return False
    print("measured: pictures and results without a gap: front {} and {}, back {} and {}".format(*counts))
    return True


def test_two_cameras_and_events_in_one_response():
    with Publisher("front"), Publisher("back", width=640, height=360), Preview(cameras="front,back") as preview:
        with many(preview, "?cameras=back,front") as stream:
            first = next(stream)
            assert first.headers["x-zoetrope-event"] == "state" and {"front", "back"} <= set(json.loads(first.body)["cameras"])
            wait_for(lambda: unbroken(stream), 30, "two seconds in which nobody took the CPU away")
            parts = stream.take(60)
        for name, wanted in (("front", (1280, 720)), ("back", (640, 360))):
            assert {size(part) for part in parts if camera_of(part) == name} == {wanted}
        preview.wait_unwatched("front")
        preview.wait_unwatched("back")


def test_all_cameras_without_events():
    with Publisher("front"), Publisher("back"), Preview(cameras="front,back") as preview, many(preview, "?events=0") as stream:
        assert {camera_of(part) for part in stream.take(60)} == {"front", "back"}


def thinned(preview, fps):
    """One of how many frames is sent. (A publisher that got no CPU for a while has holes in its time.)"""
    with preview.stream(query=f"?fps={fps}") as stream:
        sequences = [part.sequence for part in stream.take(25)]
    print(f"measured: every {(sequences[-1] - sequences[0]) / 24:.2f}th frame, asked for {fps} of 30 a second")
    return (sequences[-1] - sequences[0]) / 24


def test_fewer_smaller_coarser():
    with Publisher(width=1280, height=720, fps=30), Preview() as preview:
        with preview.stream() as stream:
            plain = stream.take(5)[-1]
        with preview.stream(query="?height=180&quality=30") as stream:
            small = stream.take(5)[-1]
        with preview.stream(query="?height=2000") as stream:
            assert size(next(stream)) == (1280, 720), "a picture is never made larger"
        assert size(small) == (320, 180) and len(small.body) < len(plain.body) / 6
        for fps in (10, 7.5):
            wait_for(lambda fps=fps: abs(thinned(preview, fps) - 30 / fps) < 0.1, 30, f"every {30 / fps}th frame")
        wait_for(lambda: preview.snapshot("?overlay=1")[0]["X-Zoetrope-Result-Sequence"], 5, "a result")
        picture = Image.open(io.BytesIO(preview.snapshot("?overlay=1&height=360&quality=95")[1])).convert("RGB")
        assert picture.size == (640, 360)
        red, green, blue = picture.getpixel((round(FIRST_BOX[0] * 640), 180))
        assert red > 180 and 90 < green < 220 and blue < 130, f"the box's side is {(red, green, blue)}"


def encoded_by(preview, streams, pictures):
    """How many pictures are encoded while each of the streams takes so many."""
    before = preview.metrics()["encoded"]
    for _ in range(pictures):
        for stream in streams:
            next(stream)
    return preview.metrics()["encoded"] - before


def test_same_parameters_are_encoded_once():
    with Publisher(), Preview() as preview, ExitStack() as stack:
        same = [stack.enter_context(preview.stream(query=query)) for query in ("?height=180&fps=30", "?fps=30.0&height=0180&overlay=0")]
        count = encoded_by(preview, same, 60)
        print(f"measured: {count} encoded for 60 pictures of two viewers with the same parameters")
        assert 55 <= count <= 80
        other = stack.enter_context(preview.stream(query="?height=180&fps=30&quality=20"))
        count = encoded_by(preview, [*same, other], 60)
        print(f"measured: {count} for 60 of these and one with others")
        assert 110 <= count <= 160


def test_wrong_parameters():
    with Preview(cameras="front,back") as preview:
        for path in ("/api/v1/cameras/front/stream.mjpg", "/api/v1/cameras/front/snapshot.jpg", STREAM):
            for query, wanted in (("fps=0", "fps must be a number from 0.1 to 240, but is \"0\""), ("fps=nan", "fps must"), ("fps=", "fps must"),
                                  ("height=180.5", "height must be a whole number from 16 to 8640"), ("height=-1", "height must"),
                                  ("quality=101", "quality must"), ("quality=1e1x", "quality must"), ("overlay=2", "overlay must"), ("overlay=true", "overlay")):
                status, _, body = http.request(preview.port, "GET", f"{path}?{query}")
                assert status == 400 and wanted in json.loads(body)["error"], (path, query, status, body)
        for query, status, wanted in (("cameras=side", 404, "there is no camera side; there is: front, back"), ("cameras=", 404, "there is no camera"),
                                      ("cameras=front,,back", 404, "there is no camera"), ("cameras=back,front,back", 400, "cameras names back twice"),
                                      ("cameras=" + "x" * 3000, 404, "there is no camera xxx"), ("events=x", 400, "events must")):
            got, _, body = http.request(preview.port, "GET", f"{STREAM}?{query}")
            assert got == status and wanted in json.loads(body)["error"], (query, got, body)
        assert http.request(preview.port, "PUT", STREAM)[0] == 405


def test_too_many_ways_to_encode():
    with Publisher(width=320, height=180), Preview() as preview, ExitStack() as stack:
        streams = [stack.enter_context(preview.stream(query=f"?quality={10 + number}")) for number in range(8)]
        status, _, body = http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg?quality=77")
        assert status == 503 and b"encoded in 8 ways already" in body, (status, body)
        assert http.request(preview.port, "GET", f"{STREAM}?quality=77")[0] == 503
        assert http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg?quality=12")[0] == 200
        streams[0].close()
        wait_for(lambda: http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg?quality=77")[0] == 200, 5, "room for another way")


def test_slow_viewer_of_many_gets_newer_pictures():
    with Publisher("front", mode="noise"), Publisher("back", mode="noise"), Preview(cameras="front,back") as preview:
        with many(preview, "") as slow, preview.stream("front") as quick:
            slow.response.fp.raw._sock.setsockopt(http.socket.SOL_SOCKET, http.socket.SO_RCVBUF, 131072)
            ages = {"front": [], "back": []}
            while min(map(len, ages.values())) < 12:
                part = next(slow)
                if camera_of(part):
                    quick.take(5)  # it is the viewer that is slow: five pictures of each camera come meanwhile
                    ages[camera_of(part)].append(time.monotonic() - part.number("Capture-Time"))
            for name, of_camera in ages.items():
                print(f"measured: a viewer of 6 a second of 60: {name} {min(of_camera[6:]):.2f} to {max(of_camera[6:]):.2f} s behind")
                assert max(of_camera[6:]) < 5
            while time.monotonic() - next(quick).number("Capture-Time") > 0.5:
                pass


def test_stages_of_the_latency_add_up():
    with Publisher(), Preview() as preview:
        with preview.stream() as stream:
            stream.take(60)
        metrics = preview.metrics()
        stages = [metrics[f"{name}_ms"] for name in ("taken", "encode", "send")]
        print("measured: ms from publish to encoding, encoding, from there to sending: " + ", ".join(f"p50 {one['p50']} p99 {one['p99']}" for one in stages))
        assert all(0 <= one["p50"] <= one["p99"] for one in stages) and stages[1]["p50"] > 0
        # the publisher says when a frame was captured, which is just before it publishes it
        assert max(one["p50"] for one in stages) <= metrics["latency_ms"]["p50"] <= sum(one["p99"] for one in stages) + 100
