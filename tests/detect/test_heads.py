# SPDX-License-Identifier: Apache-2.0
"""Heads of networks, in both engines: tiny networks whose answer can be computed, and a real face detector."""
# limit: engines_agree_on_objects 120 s
# limit: python_and_c_agree 120 s
import json
import os

import numpy as np
from onnx import helper

from support.python import PYTHON, script
from support.wait import wait_for
from support.zoetrope import cached

from detecting import Detector, camera, raw, refused, results, topics
from networks import LABELS, OBJECTNESS, SIDE, cell_boxes, describe, grid, save, squares, wanted

ENGINES = ("opencv", "onnxruntime")
COLOURS = {(0, 0): (255, 0, 0), (2, 1): (10, 200, 40), (3, 3): (0, 90, 160), (1, 2): (60, 50, 40)}


def detect(engine, model, picture, fourcc="RGB3", size=(SIDE, SIDE), threshold=0.3, **options):
    with camera("front", picture, fourcc, size=size, fps=20), Detector("front", engine, model, threshold=threshold, **options):
        return results("front/detections", 1)[0]["boxes"]


def check(found, expected):
    print(found)
    assert [box["label"] for box in found] == [label for label, _, _ in expected]
    for box, (_, score, place) in zip(found, expected):
        assert abs(box["score"] - score) < 1e-5 and max(abs(a - b) for a, b in zip(box["box"], place)) < 1e-5, (box, score, place)


def test_yolov8():
    for engine in ENGINES:
        check(detect(engine, grid("net.onnx", "yolov8"), squares("a.raw", COLOURS)), wanted(COLOURS))


def test_yolov5_with_objectness():
    for engine in ENGINES:
        check(detect(engine, grid("net.onnx", "yolov5"), squares("a.raw", COLOURS)), wanted(COLOURS, OBJECTNESS))


def test_any_number_of_pictures():
    check(detect("onnxruntime", grid("net.onnx", "yolov8", "n"), squares("a.raw", COLOURS), options="batch=3"), wanted(COLOURS))


def test_order_of_colours_and_normalisation():
    """BGR exchanges Red and Blue; mean and scale of three channels change the scores as they say."""
    swapped = {place: colour[::-1] for place, colour in COLOURS.items()}
    for engine in ENGINES:
        check(detect(engine, grid("net.onnx", "yolov8", format="BGR"), squares("a.raw", COLOURS)), wanted(swapped))
        model = grid("net.onnx", "yolov8", mean=[5, 0, 0], scale=[1 / 250, 1 / 400, 1 / 160])
        changed = [("Red", 1, [0.0625, 0.0625, 0.125, 0.125]), ("Blue", 1, [0.8125, 0.8125, 0.125, 0.125]),
                   ("Green", 0.5, [0.5625, 0.3125, 0.125, 0.125])]
        check(detect(engine, model, squares("a.raw", COLOURS)), changed)


def test_letterbox():
    """A picture of 64x32 stands in the middle of the input; boxes are told in fractions of the picture. What is around it
    has the colour of the padding."""
    colours = {(1, 0): (255, 0, 0), (3, 1): (0, 0, 204)}
    expected = [("Red", 1.0, [1.25 / 4, 0.25 / 2, 1 / 8, 1 / 4]), ("Blue", 0.8, [3.25 / 4, 1.25 / 2, 1 / 8, 1 / 4])]
    for engine in ENGINES:
        found = detect(engine, grid("net.onnx", "yolov8", fit="letterbox", pad=0), squares("a.raw", colours, 64, 32), size=(64, 32))
        check(found, expected)
        # the padding is seen by the network, and what it finds there is outside of the picture
        found = detect(engine, grid("net.onnx", "yolov8", fit="letterbox", pad=255), squares("a.raw", colours, 64, 32), size=(64, 32))
        check(found, expected)


def test_one_of_boxes_that_overlap():
    """All boxes at one place: of each class only the best is left; with `overlap: 1` all are."""
    model = grid("net.onnx", "yolov8")
    same = np.tile(np.array([[[32], [32], [16], [16]]], np.float32), (1, 1, 16))
    nodes = [helper.make_node("AveragePool", ["in"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
             helper.make_node("Reshape", ["pooled", "shape"], ["scores"]),
             helper.make_node("Concat", ["boxes", "scores"], ["out"], axis=1)]
    colours = {(0, 0): (255, 0, 0), (1, 0): (204, 0, 0), (2, 0): (0, 102, 0)}
    for engine in ENGINES:
        for overlap, scores in ((0.5, [1, 0.4]), (1, [1, 0.8, 0.4])):
            save("net.onnx", nodes, [1, 3, SIDE, SIDE], {"out": [1, 7, 16]},
                 [("shape", np.array([1, 3, 16], np.int64)), ("boxes", same)])
            describe("net.onnx", head="yolov8", overlap=overlap)
            found = detect(engine, model, squares("a.raw", colours))
            assert np.allclose([box["score"] for box in found], scores, atol=1e-5), found


def test_outputs_that_are_no_numbers():
    """NaN and infinity in boxes and scores: such boxes are left out or end at the picture's edge, the others are as they should be."""
    boxes, weights = cell_boxes(), np.ones((1, 3, 16), np.float32)
    boxes[0], boxes[1, 2], boxes[2, 0], boxes[3, 3] = np.nan, np.inf, -np.inf, np.nan
    weights[:, :, 4], weights[:, :, 5] = np.nan, np.inf
    nodes = [helper.make_node("AveragePool", ["in"], ["pooled"], kernel_shape=[16, 16], strides=[16, 16]),
             helper.make_node("Reshape", ["pooled", "shape"], ["plain"]), helper.make_node("Mul", ["plain", "weights"], ["scores"]),
             helper.make_node("Concat", ["boxes", "scores"], ["out"], axis=1)]
    save("net.onnx", nodes, [1, 3, SIDE, SIDE], {"out": [1, 7, 16]},
         [("shape", np.array([1, 3, 16], np.int64)), ("boxes", np.ascontiguousarray(boxes.T[None])), ("weights", weights)])
    red = squares("a.raw", {(i % 4, i // 4): (255, 0, 0) for i in range(16)})
    places = [[(i % 4 + 0.25) / 4, (i // 4 + 0.25) / 4, 1 / 8, 1 / 8] for i in range(16)]
    places[1][0], places[1][2] = 0, 1
    for engine in ENGINES:
        found = detect(engine, describe("net.onnx", head="yolov8", overlap=1), red)
        print(engine, found)
        assert {box["label"] for box in found} == {"Red"} and {box["score"] for box in found} == {1}
        assert np.allclose(sorted(box["box"] for box in found), sorted(places[i] for i in (1, *range(6, 16))), atol=1e-5)


def test_outputs_that_the_head_does_not_read():
    for engine in ENGINES:
        said = refused(engine, grid("net.onnx", "yolov5", labels=LABELS[:2]))
        assert "has outputs [1][16][8] and 2 labels; its head yolov5 wants [n][boxes][5 + labels]" in said
        said = refused(engine, describe(grid("net.onnx", "yolov8"), head="ssd"))
        assert "its head ssd wants [n][1917][4] and [n][1917][labels]" in said
        said = refused(engine, describe(grid("net.onnx", "yolov8"), head="blazeface", labels=["Face"]))
        assert "its head blazeface wants" in said


def test_face():
    """A real face detector on a real picture; the face's place was noted by eye (pixels of 548x342)."""
    found = {}
    for engine in ENGINES:
        path = raw(cached("messi5.jpg"), "yuv420p", "face.raw")
        (found[engine],) = detect(engine, "blazeface-back", path, "YU12", (548, 342), 0.5)
        box = [v * (548, 342)[i % 2] for i, v in enumerate(found[engine]["box"])]
        print(engine, found[engine], box)
        assert found[engine]["label"] == "Face" and found[engine]["score"] > 0.8
        assert abs(box[0] + box[2] / 2 - 242) < 8 and abs(box[1] + box[3] / 2 - 116) < 8 and 25 < box[2] < 55
    near(found["opencv"], found["onnxruntime"], (548, 342))
    # the one for large faces sees none here, and says so with an empty result
    assert detect("onnxruntime", "blazeface-front", os.path.abspath("face.raw"), "YU12", (548, 342), 0.5) == []


def test_face_full_range():
    """The same face by MediaPipe's full range model, converted from TFLite: in both engines alike."""
    path = raw(cached("messi5.jpg"), "yuv420p", "face.raw")
    found = [detect(engine, "face-full-range", path, "YU12", (548, 342), 0.5) for engine in ENGINES]
    print(found)
    for boxes in found:
        box = [v * (548, 342)[i % 2] for i, v in enumerate(boxes[0]["box"])]
        assert boxes[0]["label"] == "Face" and abs(box[0] + box[2] / 2 - 242) < 10 and abs(box[1] + box[3] / 2 - 116) < 10
    near(found[0][0], found[1][0], (548, 342))


def near(a, b, size):
    """The same box within a pixel, and the same score within 0.02."""
    assert a["label"] == b["label"] and abs(a["score"] - b["score"]) < 0.02, (a, b)
    assert all(abs(x - y) * size[i % 2] < 1 for i, (x, y) in enumerate(zip(a["box"], b["box"]))), (a, b)


def test_engines_agree_on_objects():
    """The SSD on dog.jpg, in odd sizes and several formats."""
    for width, height, pixels, fourcc in ((768, 576, "rgb24", "RGB3"), (641, 479, "yuv420p", "YU12"), (333, 251, "bgr24", "BGR3"),
                                          (640, 481, "nv12", "NV12")):
        path = raw(cached("dog.jpg"), pixels, "dog.raw", "-vf", f"scale={width}:{height}")
        one, other = (detect(engine, "ssd-mobilenet-v2", path, fourcc, (width, height), 0.5) for engine in ENGINES)
        assert {box["label"] for box in one} == {"Dog", "Bicycle", "Car"} and len(one) == len(other) == 3, (one, other)
        for a, b in zip(one, other):
            near(a, b, (width, height))


def test_engines_agree_on_persons():
    """A frame of vtest.avi: each sure box of one engine is one of the other's."""
    path = raw(cached("vtest.avi"), "yuv420p", "street.raw", "-ss", "26", "-frames:v", "1")
    one, other = (detect(engine, "ssd-mobilenet-v2", path, "YU12", (768, 576), 0.35) for engine in ENGINES)
    sure = [box for box in one if box["score"] > 0.37]
    assert sum(box["label"] == "Person" for box in sure) >= 3, one
    for box in sure:
        near(box, min(other, key=lambda o: sum(abs(a - b) for a, b in zip(o["box"], box["box"]))), (768, 576))


PYTHON_SSD = """
    import cv2, json, os
    import zoetrope
    from support.ssd import decode
    net = cv2.dnn.readNetFromONNX(os.path.join(os.environ["ZOETROPE_MODELS"], "ssd-mobilenet-v2.onnx"))
    for frame in zoetrope.subscribe("front"):
        net.setInput(cv2.dnn.blobFromImage(frame.bgr(300, 300), 1 / 127.5, (300, 300), (127.5,) * 3, swapRB=True))
        found = {out.shape[-1]: out[0] for out in net.forward(net.getUnconnectedOutLayersNames())}
        print(json.dumps(decode(found.pop(4), found.popitem()[1], 0.4).tolist()))
        break
"""


def test_python_and_c_agree():
    """The same network in Python, with frames from the package, cv2 and numpy up to the boxes; and by the role in C."""
    for pixels, fourcc in (("bgr24", "BGR3"), ("nv12", "NV12")):
        path = raw(cached("dog.jpg"), pixels, "dog.raw")
        ours = detect("opencv", "ssd-mobilenet-v2", path, fourcc, (768, 576), 0.4)
        with camera("front", path, fourcc, (768, 576), fps=5):
            wait_for(lambda: "front" in topics(), 20, "the camera")
            theirs = json.loads(script(PYTHON_SSD, command=[PYTHON]))
        assert len(ours) == len(theirs) >= 3, (ours, theirs)
        for box, (class_id, score, *place) in zip(ours, theirs):
            assert box["class"] == class_id and abs(box["score"] - score) < 0.02, (box, score)
            assert all(abs(x - y) * (768, 576)[i % 2] < 1 for i, (x, y) in enumerate(zip(box["box"], place))), (box, place)
