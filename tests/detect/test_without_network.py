# SPDX-License-Identifier: Apache-2.0
"""Engines without a neural network: motion, replay, apriltag, cascade; on pictures whose answer is known."""
import ctypes
import json
import os
import re

import numpy as np

from support.wait import promised, wait_for
from support.zoetrope import cached, program

from detecting import Detector, camera, raw, reading, refused, results, topics

WIDTH, HEIGHT = 640, 360


def scene(light=0):
    """A still scene with some texture and noise-free edges, uint8 [HEIGHT][WIDTH]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return (80 + 40 * np.sin(x / 17) * np.cos(y / 23) + light).astype(np.uint8)


def write(path, frames):
    with open(path, "wb") as file:
        for frame in frames:
            file.write(frame.tobytes())
    return os.path.abspath(path)


def walk(frames=120):
    """A white square of 64 pixels walks to the right, 4 pixels a frame, from frame 10 on. Gives pictures."""
    for n in range(frames):
        picture = scene()
        if n >= 10:
            picture[144:208, place(n):place(n) + 64] = 255
        yield picture


def place(n):
    return 4 * (n - 10)


def test_motion_is_found_where_it_is():
    """Each result has one box, and the square lies in it; the box is not much larger: a cell around, and where it came from."""
    path = write("walk.raw", walk())
    with reading("front/detections", 60, 40) as found:
        with Detector("front", "motion", "", options="learn=20"):
            wait_for(lambda: topics().get("front/detections", {}).get("subscribers", 0) == 1, 20, "the reader")
            with camera("front", path, "GREY", (WIDTH, HEIGHT), fps=25):
                wait_for(lambda: topics()["front/detections"]["next_seq"] >= 60, 30, "results")
    # the first round only: after it the square jumps back
    moving = [r for r in found if 20 <= r["source_seq"] < 118]
    assert len(moving) > 10 and [r["boxes"] for r in found if r["source_seq"] < 10] == [[]] * sum(r["source_seq"] < 10 for r in found)
    good = 0
    for result in moving:
        left = place(result["source_seq"])
        boxes = [[v * (WIDTH, HEIGHT)[i % 2] for i, v in enumerate(b["box"])] for b in result["boxes"]]
        assert all(b["label"] == "Motion" for b in result["boxes"])
        good += any(x <= left + 16 and x + w >= left + 48 and y <= 160 and y + h >= 192 and h < 64 + 64 for x, y, w, h in boxes)
    print(f"{good} of {len(moving)}; {moving[5]}")
    assert good >= 0.9 * len(moving)


def still(frames, options="", fps=25, count=15, **more):
    path = write("still.raw", frames)
    with camera("front", path, "GREY", (WIDTH, HEIGHT), fps=fps), Detector("front", "motion", "", options=options or "learn=5", **more):
        return results("front/detections", count, 40)


def test_a_still_scene_and_a_light_that_goes_on():
    assert all(result["boxes"] == [] for result in still([scene()] * 3))
    assert all(result["boxes"] == [] for result in still([scene()] * 10 + [scene(60)] * 10, count=30))


def test_areas_to_ignore():
    """The same square, in an area that is ignored, and beside it."""
    frames = [scene() for _ in range(2)]
    frames[1][144:208, 320:384] = 255
    assert any(result["boxes"] for result in still(frames, fps=10, count=10))
    assert all(result["boxes"] == [] for result in still(frames, "ignore=0.45 0.3 0.2 0.4;0 0 0.1 0.1", fps=10, count=10))
    assert any(result["boxes"] for result in still(frames, "ignore=0.7 0.3 0.2 0.4", fps=10, count=10))
    assert all(result["boxes"] == [] for result in still(frames, "min_area=0.2", fps=10, count=10))
    assert "option 'ignore': wanted areas such as" in refused("motion", "", options="ignore=all of it")


def test_motion_in_regions():
    """The same square in a region that is looked at, and outside of it."""
    frames = [scene() for _ in range(2)]
    frames[1][144:208, 320:384] = 255
    inside = [box["box"] for result in still(frames, fps=10, count=10, regions="0.4 0.2 0.4 0.7") for box in result["boxes"]]
    square = (320 / WIDTH, 144 / HEIGHT, 384 / WIDTH, 208 / HEIGHT)
    print(inside[:2], square)
    assert inside
    for x, y, width, height in inside:
        assert x < square[0] + 0.01 and y < square[1] + 0.01 and x + width > square[2] - 0.01 and y + height > square[3] - 0.01
        assert width < 0.25 and height < 0.45
    assert all(result["boxes"] == [] for result in still(frames, fps=10, count=10, regions="0 0 0.4 1"))


def test_motion_is_cheap():
    """1080p, NV12: with preparing, well below the 33 ms that 30 frames a second leave."""
    path = raw(cached("vtest.avi"), "nv12", "big.raw", "-vf", "scale=1920:1080", "-frames:v", "5")
    with camera("front", path, "NV12", (1920, 1080), fps=30), Detector("front", "motion", ""):
        found = results("front/detections", 30, 60)
    took = sorted(r["inference_ns"] / 1e9 for r in found)[len(found) // 4]
    promised("motion in a 1080p frame", took, 0.008)


def test_replay():
    """Line n for frame n, again and again; what is below the threshold is left out."""
    lines = [{"boxes": [{"label": "Car", "score": (n + 1) / 10, "box": [n / 10, 0.1, 0.05, 0.1]}, {"label": "Cat", "score": 0.9,
              "box": [0, 0, 1, 1]}]} for n in range(5)]
    with open("recorded.json", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    path = write("grey.raw", [scene()])
    with camera("front", path, "GREY", (WIDTH, HEIGHT), fps=30), Detector("front", "replay", "./recorded.json", threshold=0.3):
        found = results("front/detections", 12)
    for result in found:
        wanted = [b for b in lines[result["source_seq"] % 5]["boxes"] if b["score"] >= 0.3]
        assert [b["label"] for b in result["boxes"]] == [b["label"] for b in wanted]
        for box, other in zip(result["boxes"], wanted):
            assert np.allclose(box["box"], other["box"], atol=1e-6) and abs(box["score"] - other["score"]) < 1e-6


def test_replay_of_what_detect_has_printed():
    """What one engine found is played again by replay, on the same picture."""
    first = program("detect", "--model=ssd-mobilenet-v2", "--folder=", cached("dog.jpg"), timeout=60).stdout
    with open("found.json", "w", encoding="utf-8") as file:
        file.write(first)
    again = program("detect", "--engine=replay", "--model=./found.json", "--folder=", cached("dog.jpg"), timeout=60).stdout
    one, other = json.loads(first)["boxes"], json.loads(again)["boxes"]
    assert one and [(b["label"], b["score"], b["box"]) for b in one] == [(b["label"], b["score"], b["box"]) for b in other]


def test_replay_of_what_is_none():
    assert "cannot be read: No such file" in refused("replay", "./gone.json")
    for text, wanted in {"": "there is no result in it", "words": "result 1 is no JSON", '{"boxes": []}\n{"boxes": [{"label": 1}]}':
                         "result 2 is none: wanted", '{"boxes": []}\n{': "result 2 is no JSON", "[]": "result 1 is none"}.items():
        with open("wrong.json", "w", encoding="utf-8") as file:
            file.write(text)
        assert wanted in refused("replay", "./wrong.json")


class Image(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int32), ("height", ctypes.c_int32), ("stride", ctypes.c_int32), ("buf", ctypes.POINTER(ctypes.c_uint8))]


def tag(number):
    """A tag of the family tag36h11, uint8, a pixel a bit, with its white border; drawn by libapriltag itself."""
    library = ctypes.CDLL("libapriltag.so.3")
    library.tag36h11_create.restype = ctypes.c_void_p
    library.apriltag_to_image.restype = ctypes.POINTER(Image)
    library.apriltag_to_image.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    image = library.apriltag_to_image(library.tag36h11_create(), number).contents
    rows = np.ctypeslib.as_array(image.buf, (image.height, image.stride))
    return rows[:, :image.width].copy()


def tags_at(places, size=12):
    """A grey picture with tags: number -> (x, y) of the white border's corner. The black square begins a bit further in."""
    picture = np.full((480, 640), 128, np.uint8)
    for number, (x, y) in places.items():
        big = np.kron(tag(number), np.ones((size, size), np.uint8))
        picture[y:y + big.shape[0], x:x + big.shape[1]] = big
    return picture


def test_apriltags():
    """Two tags: their numbers, and where the black squares are, within a pixel; in NV12 as well."""
    places = {42: (30, 40), 7: (300, 200)}
    picture = tags_at(places)
    for fourcc, data in (("GREY", picture.tobytes()), ("NV12", picture.tobytes() + bytes([128]) * (640 * 240))):
        with open("tags.raw", "wb") as file:
            file.write(data)
        with camera("front", os.path.abspath("tags.raw"), fourcc, (640, 480), fps=10, range_=2), Detector("front", "apriltag", ""):
            (result,) = results("front/detections", 1)
        found = {box["label"]: box for box in result["boxes"]}
        print(found)
        assert set(found) == {"tag 42", "tag 7"}
        for number, (x, y) in places.items():
            box = found[f"tag {number}"]
            assert box["score"] == 1 and box["class"] == number
            wanted = [x + 12, y + 12, 96, 96]  # the family is 8 bits wide, with a border of one
            assert all(abs(v * (640, 480)[i % 2] - w) <= 1.5 for i, (v, w) in enumerate(zip(box["box"], wanted))), (box, wanted)


def test_no_tag_and_another_family():
    with open("tags.raw", "wb") as file:
        file.write(tags_at({42: (30, 40)}).tobytes())
    with camera("front", os.path.abspath("tags.raw"), "GREY", (640, 480), fps=10):
        with Detector("front", "apriltag", "", options="family=tag25h9"):
            assert results("front/detections", 1)[0]["boxes"] == []
        with Detector("front", "apriltag", "", labels="tag 41"):
            assert results("front/detections", 1)[0]["boxes"] == []
    assert "label 'tag 9999' is not known to engine apriltag" in refused("apriltag", "", labels="tag 9999")


def test_cascade():
    """A real face, found by Debian's cascade; its place was noted by eye (pixels of 548x342)."""
    done = program("detect", "--engine=cascade", "--model=haarcascade_frontalface_default", "--threshold=0.8", "--folder=",
                   cached("messi5.jpg"), timeout=60)
    boxes = json.loads(done.stdout)["boxes"]
    print(boxes)
    box = [v * (548, 342)[i % 2] for i, v in enumerate(boxes[0]["box"])]
    assert boxes[0]["label"] == "Face" and abs(box[0] + box[2] / 2 - 242) < 12 and abs(box[1] + box[3] / 2 - 116) < 12
    assert "cannot be read: wanted an XML file's path" in refused("cascade", "fnord")
    with open("text.xml", "w", encoding="utf-8") as file:
        file.write("<no/>")
    assert "is no cascade that OpenCV reads" in refused("cascade", "./text.xml")


def test_every_engine_says_what_it_is():
    for engine in ("opencv", "onnxruntime", "motion", "replay", "apriltag", "cascade"):
        text = program("detect", "--engine", engine, "--options=help").stdout
        assert re.match(rf"{engine}: .*\.\n", text), text
