# SPDX-License-Identifier: Apache-2.0
"""CAMERA/small and CAMERA/converted: made once, and only for those who ask."""
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


WIDTH, HEIGHT = 320, 240
HALVES = {"RGB3": 6, "NV12": 3, "YUYV": 4, "422P": 4, "YM24": 6}  # bytes of two pixels


def both(name, count, wish=(), fps=10):
    """Frames of the camera and of a topic made from them, each with its bytes, that have the same capture time."""
    with Camera("test:", width=WIDTH, height=HEIGHT, fps=fps):
        own, made = Reader(2 * count + 10, raw="own"), Reader(count, name=name, raw="made", wish=wish)
        made_frames, own_frames = made.wait(), own.wait()
    pictures = {}
    with open("own", "rb") as stream:
        for frame in own_frames:
            pictures[frame["capture_ns"]] = (frame, stream.read(WIDTH * HEIGHT * 3 // 2))
    pairs = []
    with open("made", "rb") as stream:
        for frame in made_frames:
            data = stream.read(WIDTH * HEIGHT * HALVES[frame["format"]] // 2)
            if frame["capture_ns"] in pictures:
                pairs.append((*pictures[frame["capture_ns"]], frame, data))
    assert len(pairs) >= count // 2
    return pairs


def test_converted_is_rgb_of_the_same_size():
    for own, pixels, made, data in both("front/converted", 10):
        assert (made["format"], made["width"], made["height"]) == ("RGB3", WIDTH, HEIGHT)
        rgb = numpy.frombuffer(data, numpy.uint8).reshape(HEIGHT, WIDTH, 3)
        luma = numpy.frombuffer(pixels, numpy.uint8)[:WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
        assert own["matrix"] == 1 and own["range"] == 1
        assert abs(rgb @ (0.299, 0.587, 0.114) * 219 / 255 + 16 - luma).mean() < 2


def test_any_format_that_is_wished_for():
    """The brightness of each pixel is that of the frame: neither range nor matrix is touched."""
    for name, format_name, luma in (("front/converted", "NV12", slice(0, WIDTH * HEIGHT)), ("front/converted", "YUYV", slice(0, None, 2)),
                                    ("front/small", "422P", slice(0, WIDTH * HEIGHT)), ("front/small", "YM24", slice(0, WIDTH * HEIGHT))):
        for own, pixels, made, data in both(name, 6, (0, 0, format_name), fps=20):
            assert (made["format"], made["width"], made["range"], made["matrix"]) == (format_name, WIDTH, own["range"], own["matrix"])
            assert data[luma] == pixels[:WIDTH * HEIGHT], format_name


def test_both_at_once_and_nothing_for_nobody():
    wanted = {"front/small": ("GREY", 160, 120), "front/converted": ("BGR3", WIDTH, HEIGHT)}
    with Camera("test:", width=WIDTH, height=HEIGHT, fps=25):
        small, converted = (Reader(100000, name=name, raw=name[6:], wish=(size[1], 0, size[0])) for name, size in wanted.items())
        for reader, name in ((small, "front/small"), (converted, "front/converted")):
            while tuple(reader.next()[key] for key in ("format", "width", "height")) != wanted[name]:
                pass
        small.kill()
        converted.kill()
        wait_for(lambda: topic()["subscribers"] == 0, 5, "the converters to rest")
        made = topic("front/converted")["next_seq"]
        published = topic()["next_seq"]
        wait_for(lambda: topic()["next_seq"] > published + 10, 20, "more frames of the camera")
        assert topic("front/converted")["next_seq"] == made
