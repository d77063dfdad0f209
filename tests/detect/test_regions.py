# SPDX-License-Identifier: Apache-2.0
"""Parts of pictures: regions, what moves, and several pictures at once."""
import time

import numpy as np

from support.wait import wait_for
from support.zoetrope import cached

from detecting import Detector, camera, grey_file, reading, refused, results, topics
from networks import LABELS, SIDE, grid, squares
from test_pictures import iou
from test_without_network import HEIGHT, WIDTH, place, scene, walk, write

COLOURS = {(0, 0): (255, 0, 0), (2, 1): (10, 200, 40), (3, 3): (0, 90, 160), (5, 2): (250, 0, 0), (7, 3): (0, 150, 0)}


def wanted(colours, columns):
    """What a grid network finds in squares of a picture twice as wide as it is high: rows of label, score, box; best first."""
    rows = []
    for (column, row), colour in colours.items():
        best = int(np.argmax(colour))
        if column in columns:
            rows.append((LABELS[best], colour[best] / 255, [(column + 0.25) / 8, (row + 0.25) / 4, 1 / 16, 1 / 8]))
    return sorted(rows, key=lambda row: -row[1])


def test_regions_cover_the_picture():
    """Each region is as large as the network's input, so what it finds there can be computed; an object in two is told once."""
    path = squares("wide.raw", COLOURS, 2 * SIDE, SIDE)
    for engine, batch in (("opencv", 1), ("onnxruntime", "n")):
        model = grid("net.onnx", "yolov8", batch)
        for regions, columns in (("0 0 0.5 1,0.5 0 0.5 1", range(8)), ("0 0 0.5 1,0.25 0 0.5 1", range(6)), ("0.5 0 0.5 1", range(4, 8))):
            with camera("front", path, size=(2 * SIDE, SIDE), fps=20):
                with Detector("front", engine, model, threshold=0.3, regions=regions) as detector:
                    found = results("front/detections", 1)[0]["boxes"]
                    metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 2)
            print(engine, regions, found)
            assert [box["label"] for box in found] == [label for label, _, _ in wanted(COLOURS, columns)]
            for box, (_, score, where) in zip(found, wanted(COLOURS, columns)):
                assert abs(box["score"] - score) < 1e-5 and max(abs(a - b) for a, b in zip(box["box"], where)) < 1e-5
            assert metrics["inferences"] == metrics["results"] * len(regions.split(","))


def test_a_region_of_a_jpeg():
    """The real network, on a real picture that has to be decoded before it can be cut: the car in the upper right of dog.jpg."""
    with camera("dog", cached("dog.jpg"), "MJPG", fps=10):
        with Detector("dog", "opencv", "ssd-mobilenet-v2", regions="0.5 0 0.5 0.5", labels="Car,Dog,Vehicle"):
            found = results("dog/detections", 1)[0]["boxes"]
    print(found)
    best = max(found, key=lambda box: box["score"])
    assert best["label"] in ("Car", "Vehicle") and iou(best["box"], (0.61, 0.13, 0.29, 0.17)) > 0.6


def test_wrong_regions():
    assert "key 'regions': wanted an area inside the picture" in refused("opencv", "", regions="0.5 0 0.6 1")


GATED = {"model": "5", "threshold": 0.1}


def test_a_still_picture_is_looked_at_once():
    """Results go on, each with the box that is known, and its frame's number; the engine has seen one picture."""
    with camera("front", write("still.raw", [scene()]), "GREY", (WIDTH, HEIGHT), fps=25):
        with Detector("front", **GATED, motion_gate="1h") as detector:
            found = results("front/detections", 20, 40)
            metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 20, 30)
    assert metrics["inferences"] == 1 and metrics["still"] == metrics["results"] - 1, metrics
    numbers = [result["source_seq"] for result in found]
    assert numbers == sorted(set(numbers))
    assert len(found[0]["boxes"]) == 1 and all(result["boxes"] == found[0]["boxes"] for result in found)


def test_the_whole_picture_now_and_then():
    with camera("front", write("still.raw", [scene()]), "GREY", (WIDTH, HEIGHT), fps=25):
        with Detector("front", **GATED, motion_gate="1s") as detector:
            began = time.monotonic()
            metrics = detector.metrics("front", lambda m: m.get("inferences", 0) >= 3, 40)
            assert time.monotonic() - began > 2 * 1
    assert metrics["still"] > metrics["inferences"], metrics


def test_only_what_moves_is_looked_at():
    """The engine tells the middle of the picture that it was given: a part, and the walking square is inside."""
    path = write("walk.raw", walk())
    with reading("front/detections", 60, 40) as found:
        with Detector("front", **GATED, motion_gate="1h", options="middle=true"):
            wait_for(lambda: topics().get("front/detections", {}).get("subscribers", 0) == 1, 20, "the reader")
            with camera("front", path, "GREY", (WIDTH, HEIGHT), fps=25):
                wait_for(lambda: topics()["front/detections"]["next_seq"] >= 60, 30, "results")
    moving = [r for r in found if 20 <= r["source_seq"] < 118]
    good = parts = 0
    for result in moving:
        left = place(result["source_seq"])
        for box in result["boxes"]:
            width, height = 10 * box["box"][2], 10 * box["box"][3]
            x, y = box["box"][0] - 0.45 * width, box["box"][1] - 0.45 * height
            parts += width < 0.8
            good += x * WIDTH <= left + 16 and (x + width) * WIDTH >= left + 48 and y * HEIGHT <= 160 and (y + height) * HEIGHT >= 192
    print(f"{good} of {len(moving)}, {parts} of them parts; {moving[5]}")
    assert len(moving) > 5 and good >= 0.9 * len(moving) and parts >= 0.9 * len(moving)


def test_what_moves_in_an_ignored_area():
    """A square walks through the middle: where that is ignored the engine has seen only the first picture."""
    path = write("walk.raw", walk())
    for ignored, seen in (("0 0.3 1 0.4", False), ("0 0 1 0.25,0 0.9 1 0.1", True)):
        with Detector("front", **GATED, motion_gate="1h", motion_ignore=ignored) as detector:
            with camera("front", path, "GREY", (WIDTH, HEIGHT), fps=50):
                metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 60, 30)
        print(ignored, metrics)
        assert (metrics["inferences"] > 10) == seen and (seen or metrics["inferences"] == 1)
    assert "key 'motion_ignore': wanted an area inside the picture" in refused("opencv", "", motion_ignore="0.5 0 0.6 1")


def test_cameras_share_a_batch():
    """The score tells how many pictures went to the engine together. One that it refuses takes no other along."""
    options = {"model": "150", "threshold": 0.1, "options": "batch=4"}
    with camera("left", grey_file("a", [1]), size=(16, 16), fps=50), camera("right", grey_file("b", [2]), size=(16, 16), fps=50):
        with Detector("left,right", **options):
            found = {name: results(f"{name}/detections", 12, 30) for name in ("left", "right")}
    for number, name in ((1, "left"), (2, "right")):
        boxes = [box for result in found[name] for box in result["boxes"]]
        assert {box["box"][0] * 256 for box in boxes} == {number}
        assert sum(box["score"] == 0.5 for box in boxes) >= 3, [box["score"] for box in boxes]
    with camera("left", grey_file("a", [1]), size=(16, 16), fps=50), camera("right", grey_file("b", [255]), size=(16, 16), fps=50):
        with Detector("left,right", **options) as detector:
            detector.state("streaming", "the picture begins with 255")
            assert len(results("left/detections", 8, 30)) == 8
            assert topics()["right/detections"]["next_seq"] == 0


def test_two_at_once_are_regions_too():
    with camera("front", grey_file("a", [7]), size=(16, 16), fps=20):
        with Detector("front", model="5", threshold=0.1, options="batch=2", regions="0 0 0.5 1,0.5 0 0.5 1"):
            (result,) = results("front/detections", 1)
    # in the left half the first byte, in the right one a zero
    boxes = sorted(box["box"] for box in result["boxes"])
    assert [round(v, 4) for v in boxes[0]] == [round(7 / 256 / 2, 4), 0, 0.125, 0.5] and boxes[1] == [0.5, 0, 0.125, 0.5]
    assert {box["score"] for box in result["boxes"]} == {0.5}
