# SPDX-License-Identifier: Apache-2.0
"""A camera goes away while somebody watches: its last picture, dimmed, with the reason; then it is back."""
import io
import os
import subprocess
import time

import numpy
from PIL import Image
from support import http
from support.wait import promised, wait_for
from support.zoetrope import Zoetrope

BACK_SECONDS = 2.0


def make_clip():
    """White on the left, grey on the right, so that dimming shows."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "color=white:size=640x360:rate=25", "-vf",
                    "drawbox=x=320:w=320:h=360:color=gray:t=fill", "-frames:v", "25", "-c:v", "libx264", "-pix_fmt", "yuv420p",
                    "clip.mp4"], check=True, timeout=60)


def pixels(part):
    return numpy.asarray(Image.open(io.BytesIO(part.body)).convert("L")).astype(int)


def next_part(stream, state):
    """The next part that has, or has not, a state."""
    while True:
        part = next(stream)
        if part.headers.get("x-zoetrope-state", "") in state:
            return part


def test_dimmed_last_picture_and_the_reason():
    make_clip()
    with Zoetrope({"cameras": {"front": {"source": "file:clip.mp4", "loop": True}}, "preview": {}}) as zoe:
        pids = zoe.pids()
        with zoe.stream("front") as stream, zoe.stream("front", "?overlay=1") as other:
            bright = pixels(next_part(stream, [""]))
            assert bright[:, :300].mean() > 240 and 100 < bright[:, 340:].mean() < 160
            os.rename("clip.mp4", "away.mp4")
            part = next_part(stream, ["lost", "retrying"])
            dim = pixels(part)
            assert dim.shape == bright.shape
            assert dim[-40:, :300].mean() < 100 and dim[-40:, 340:].mean() < 60, "not dimmed"
            assert dim[120:200, 8:].max() > 220, "nothing is written there"
            assert next_part(other, ["lost", "retrying"]).body
            late = zoe.stream("front")
            assert next(late).headers["x-zoetrope-state"] == next_part(stream, ["lost", "retrying"]).headers["x-zoetrope-state"]
            late.close()
            status, _, body = http.request(zoe.port, "GET", "/api/v1/cameras/front/snapshot.jpg")
            assert status == 503 and b"no frame" in body
            camera = zoe.get("/api/v1/cameras/front")
            assert camera["state"] in ("lost", "retrying") and "'clip.mp4' does not exist" in camera["reason"]
            os.rename("away.mp4", "clip.mp4")
            began = time.monotonic()
            assert abs(pixels(next_part(stream, [""])) - bright).mean() < 8
            promised("back in the preview", time.monotonic() - began, BACK_SECONDS)
        assert zoe.pids() == pids, "nothing may restart"


def test_watched_only_after_it_was_lost():
    """The frames that the topic still keeps are good for this."""
    make_clip()
    with Zoetrope({"cameras": {"front": {"source": "file:clip.mp4", "loop": True}}, "preview": {}}) as zoe:
        wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"]["camera"].get("published", 0) > 5, 10, "frames")
        os.rename("clip.mp4", "away.mp4")
        wait_for(lambda: zoe.state()["cameras"]["front"]["state"] == "retrying", 10, "the loss")
        with zoe.stream("front") as stream:
            dim = pixels(next_part(stream, ["retrying"]))
        assert dim.shape == (360, 640) and 60 < dim[-40:, :300].mean() < 100


def test_camera_that_never_came():
    """A dark picture says so."""
    port = http.free_port()
    with Zoetrope({"cameras": {"front": {"source": f"rtsp://127.0.0.1:{port}/x"}}, "preview": {}}, ready=False) as zoe:
        zoe.wait_answers()
        with zoe.stream("front") as stream:
            dark = pixels(next_part(stream, ["retrying"]))
        assert dark[-40:].mean() < 20 and dark[100:220].max() > 220
