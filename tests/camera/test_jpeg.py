# SPDX-License-Identifier: Apache-2.0
"""A camera that sends JPEG: the JPEG is a topic, pixels are decoded only if somebody wants them, and the preview passes it through."""
import hashlib

from sources import HEIGHT, WIDTH, Http
from support.camera import Camera, Reader, topic
from support.jpeg import check_decoding_ends, check_preview_passes, read_pairs
from support.wait import wait_for
from support.zoetrope import Zoetrope


def sums(source):
    return {hashlib.md5(picture).hexdigest() for picture in source.server.pictures}


def published(camera, wanted):
    return camera.receive(lambda m: m["type"] == "state" and wanted(m["metrics"]))["metrics"]


def test_nobody_wants_pixels():
    with Http() as source, Camera(source.uri) as camera:
        frames = Reader(20, "front/jpeg").wait()
        assert {f["md5"] for f in frames} == sums(source)
        assert {(f["format"], f["width"], f["height"], f["frame"]) for f in frames} == {("MJPG", WIDTH, HEIGHT, -1)}
        seqs = [f["seq"] for f in frames]
        assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        metrics = published(camera, lambda m: m["fps"] > 5)
        assert (metrics["published"], metrics["jpeg"], camera.last["state"]) == (1, True, "streaming"), metrics
        published(camera, lambda m: m["captured"] >= metrics["captured"] + 20 > 20)
        assert topic()["next_seq"] == 1, "the first picture, which told what it is"


def test_both_are_wanted():
    """The JPEG says which frame has its pixels. When nobody wants these any more, decoding ends."""
    with Http() as source, Camera(source.uri) as camera:
        pixels, jpegs = Reader(100000), Reader(100000, "front/jpeg")
        pairs = read_pairs(pixels, jpegs, 10)
        first = pixels.first[0]
        assert (first["format"], first["width"], first["height"]) == ("422P", WIDTH, HEIGHT) or first["format"] == "YU12", first
        assert len({(jpeg["md5"], frame["md5"]) for jpeg, frame in pairs}) == len({jpeg["md5"] for jpeg, _ in pairs})
        check_decoding_ends(pixels, jpegs)
        camera.frames(3)


def test_not_offered_where_something_is_done_to_the_picture():
    """And what is set while it runs counts, too."""
    with Http() as source:
        for options in ({"mask": "0 0 1 0.5"}, {"crop": "0 0 0.5 1"}):
            with Camera(source.uri, **options) as camera:
                camera.frames(1)
                assert topic("front/jpeg") is None, options
                assert "jpeg" not in published(camera, lambda m: m.get("published", 0) > 0)
        with Camera(source.uri) as camera:
            Reader(1, "front/jpeg").wait()
            camera.set(width=320)
            wait_for(lambda: topic("front/jpeg") is None, 10, "the topic to end")
            camera.set(width=0)
            Reader(1, "front/jpeg").wait()


def test_preview_passes_it_through():
    """Byte for byte, and nothing is decoded; boxes or a smaller picture need pixels."""
    with Http() as source, Zoetrope({"cameras": {"front": {"source": source.uri}}, "preview": {}}) as zoe:
        check_preview_passes(zoe, set(source.server.pictures))


def test_exact_boxes_beside_a_viewer_of_jpeg():
    """Who wants the boxes of the very frame gets pictures also where the camera's JPEG passes through for somebody else."""
    with Http() as source, Zoetrope({"cameras": {"front": {"source": source.uri}}, "preview": {}}) as zoe:
        wait_for(lambda: zoe.get("/api/v1/cameras/front")["metrics"].get("camera", {}).get("jpeg"), 10, "preview to know of JPEG")
        with zoe.stream("front") as plain:
            assert plain.take(5)[-1].body in source.server.pictures
            with zoe.stream("front", "?overlay=exact") as exact:
                assert exact.take(3)[-1].body not in source.server.pictures
            assert plain.take(5)[-1].body in source.server.pictures
