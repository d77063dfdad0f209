# SPDX-License-Identifier: Apache-2.0
"""CAMERA/small: scaled frames, made once, and only for those who ask."""
import numpy
from support.camera import Camera, Reader, topic
from support.wait import wait_for


def test_made_only_while_somebody_wants_it():
    with Camera("test:", width=1280, height=720, fps=25) as camera:
        after_frame(camera, 10)
        assert topic("front/small")["next_seq"] == 0 and topic()["subscribers"] == 0
        first, second = Reader(15, name="front/small"), Reader(15, name="front/small")
        frames, others = first.wait(), second.wait()
        assert {(f["width"], f["height"], f["format"]) for f in frames} == {(640, 360, "YU12")}
        wanted = {f["seq"]: f["md5"] for f in frames}
        assert all(wanted.get(f["seq"], f["md5"]) == f["md5"] for f in others), "made more than once"
        wait_for(lambda: topic()["subscribers"] == 0, 5, "the converter to rest")
        made = topic("front/small")["next_seq"]
        after_frame(camera, camera.next_state()["metrics"]["sequence"] + 10)
        assert topic("front/small")["next_seq"] == made


def after_frame(camera, sequence):
    camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("sequence", 0) >= sequence)


def test_same_picture_and_time():
    """It has the capture time of its frame, and looks like it."""
    with Camera("test:", width=1280, height=720, fps=10):
        large, small = Reader(30, raw="large"), Reader(12, name="front/small", raw="small")
        small_frames, large_frames = small.wait(), large.wait()
    at = {f["capture_ns"]: i for i, f in enumerate(large_frames)}
    common = [(i, at[f["capture_ns"]]) for i, f in enumerate(small_frames) if f["capture_ns"] in at]
    assert len(common) >= 5
    larges = numpy.fromfile("large", numpy.uint8).reshape(-1, 1280 * 720 * 3 // 2)
    smalls = numpy.fromfile("small", numpy.uint8).reshape(-1, 640 * 360 * 3 // 2)
    for i, j in common:
        whole = larges[j][:1280 * 720].reshape(360, 2, 640, 2).mean(axis=(1, 3))
        assert abs(whole - smalls[i][:640 * 360].reshape(360, 640)).mean() < 3


def test_wished_size():
    with Camera("test:", width=640, height=480, fps=25):
        small = Reader(100000, name="front/small", raw="raw", wish=(200, 200))
        while (small.next()["width"], small.first[-1]["height"]) != (200, 150):
            pass
        larger = Reader(100000, name="front/small", raw="raw2", wish=(2000, 2000))
        while (small.next()["width"], small.first[-1]["height"]) != (640, 480):
            pass
        larger.kill()
        small.kill()


def test_follows_the_camera():
    """Off, on, and another size: whoever reads it goes on."""
    with Camera("test:", width=320, height=240, fps=25) as camera:
        small = Reader(100000, name="front/small")
        small.next()
        camera.turn(False)
        camera.turn(True)
        seen = len(small.first)
        while len(small.first) < seen + 20:
            small.next()
        small.kill()
