# SPDX-License-Identifier: Apache-2.0
"""The neural detector on real pictures: what it finds in dog.jpg and vtest.avi, and the same in every pixel format."""
# limit: both_engines_find_what_is_there 120 s
# limit: both_engines_find_what_python_finds 120 s
import json
import os
import subprocess

import cv2
import numpy as np

from support.ssd import decode
from support.zoetrope import Zoetrope, cached, program

from detecting import Detector, camera, raw, results

ENGINES = ("opencv", "onnxruntime")
MODEL = {"engine": "opencv", "model": "ssd-mobilenet-v2"}
# Where the parked van and the parked car stand in vtest.avi, in pixels of 768x576: read off frame 265, enlarged.
CARS = [(652, 44, 72, 56), (735, 50, 33, 43)]


def iou(a, b):
    """Intersection over union of two boxes x, y, w, h."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def best_scores(result):
    scores = {}
    for box in result["boxes"]:
        scores[box["label"]] = max(box["score"], scores.get(box["label"], 0))
    return scores


def check_dog(result):
    print({label: round(score, 3) for label, score in best_scores(result).items()})
    assert {label for label, score in best_scores(result).items() if score >= 0.6} == {"Dog", "Bicycle", "Car"}
    dog, bicycle, car = (max((b for b in result["boxes"] if b["label"] == label), key=lambda b: b["score"])["box"]
                         for label in ("Dog", "Bicycle", "Car"))
    # Noted by eye, fractions of the picture.
    assert iou(dog, (0.17, 0.38, 0.25, 0.56)) > 0.8
    assert iou(bicycle, (0.15, 0.22, 0.59, 0.52)) > 0.6
    assert iou(car, (0.61, 0.13, 0.29, 0.17)) > 0.7


def test_dog_played_by_zoetrope_run():
    """The whole way: file driver, shared memory, detector, and a subscriber that is a process of its own."""
    config = {"cameras": {"dog": {"source": f"file:{cached('dog.jpg')}", "fps": 10, "loop": True}},
              "detectors": {"objects": {**MODEL, "cameras": ["dog"], "max_fps": 5}}}
    with Zoetrope(config):
        check_dog(results("dog/detections", 2)[1])


def test_same_boxes_in_every_pixel_format():
    formats = {"RGB3": "rgb24", "BGR3": "bgr24", "YM24": "yuv444p", "422P": "yuv422p", "YU12": "yuv420p", "NV12": "nv12",
               "YUYV": "yuyv422", "UYVY": "uyvy422"}
    found = {}
    for fourcc, pixels in formats.items():
        for range_, name in ((1, "limited"), (2, "full")):
            if fourcc in ("RGB3", "BGR3") and range_ == 1:
                continue
            path = raw(cached("dog.jpg"), pixels, "dog.raw", "-vf", f"scale=out_range={name}:out_color_matrix=bt601")
            with camera("dog", path, fourcc, fps=10, range_=range_), Detector("dog", **MODEL, threshold=0.5):
                (result,) = results("dog/detections", 1)
            found[f"{fourcc} {name}"] = result["boxes"]
    wanted = found["RGB3 full"]
    assert len(wanted) == 3
    # the very same pixels, and not what ffmpeg makes of them in another format
    pixels = np.fromfile(raw(cached("dog.jpg"), "rgb24", "dog.raw"), np.uint8).reshape(-1, 3)[:, ::-1]
    pixels.tofile("swapped.raw")
    with camera("dog", os.path.abspath("swapped.raw"), "BGR3", fps=10), Detector("dog", **MODEL, threshold=0.5):
        assert results("dog/detections", 1)[0]["boxes"] == wanted
    for name, boxes in found.items():
        print(name, [(box["label"], round(box["score"], 3)) for box in boxes])
        assert len(boxes) == len(wanted), name
        for box, other in zip(sorted(boxes, key=lambda b: b["label"]), sorted(wanted, key=lambda b: b["label"])):
            assert box["label"] == other["label"], name
            assert abs(box["score"] - other["score"]) < 0.02, name
            assert iou(box["box"], other["box"]) > 0.95, name


def test_grey_and_jpeg():
    path = raw(cached("dog.jpg"), "gray", "dog.raw")
    with camera("dog", path, "GREY", fps=10), Detector("dog", **MODEL):
        (result,) = results("dog/detections", 1)
    print(best_scores(result))
    assert best_scores(result)["Dog"] > 0.5
    with camera("jpeg", cached("dog.jpg"), "MJPG", fps=10), Detector("jpeg", **MODEL):
        check_dog(results("jpeg/detections", 1)[0])


def found_all(result):
    """At least three persons, and both cars where they stand."""
    size = result["width"], result["height"]
    cars = [[v * size[i % 2] for i, v in enumerate(b["box"])] for b in result["boxes"] if b["label"] in ("Car", "Vehicle")]
    persons = sum(box["label"] == "Person" for box in result["boxes"])
    return persons >= 3 and all(any(iou(car, place) >= 0.5 for car in cars) for place in CARS)


def footage(step, count):
    """Every step-th frame of vtest.avi (795 frames), `count` of them, as PNG. Gives their paths."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", cached("vtest.avi"), "-vf", f"select=not(mod(n\\,{step}))", "-vsync", "0",
                    "-frames:v", str(count), "vtest%d.png"], check=True, stdin=subprocess.DEVNULL)
    return [f"vtest{i + 1}.png" for i in range(count)]


def in_python(paths, threshold):
    """The same network by OpenCV's Python module, decoded by numpy."""
    folder = os.environ["ZOETROPE_MODELS"]
    with open(f"{folder}/ssd-mobilenet-v2.yaml", encoding="utf-8") as file:
        told = {key: json.loads(value) for key, value in (line.split(": ", 1) for line in file)}
    network = cv2.dnn.readNetFromONNX(f"{folder}/ssd-mobilenet-v2.onnx")
    found = []
    for path in paths:
        network.setInput(cv2.dnn.blobFromImage(cv2.imread(path), told["scale"][0], mean=told["mean"] * 3, swapRB=True))
        outputs = network.forward(network.getUnconnectedOutLayersNames())
        boxes, logits = sorted((output[0] for output in outputs), key=lambda output: output.shape[1])
        found.append([(told["labels"][int(row[0])], row[1], row[2:]) for row in decode(boxes, logits, threshold)])
    return found


def in_c(engine, paths, **options):
    more = [f"--{name}={value}" for name, value in options.items()]
    done = program("detect", "--engine", engine, "--model", MODEL["model"], "--threshold=0.35", "--folder=", *more, *paths, timeout=100)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_engines_find_what_is_there():
    """Dog, bicycle and car; persons and cars in thirty frames over the whole of vtest.avi, judged by place: in each engine."""
    pictures = [cached("dog.jpg")], footage(26, 30)
    for engine in ENGINES:
        check_dog(in_c(engine, pictures[0])[0])
        streets = in_c(engine, pictures[1], labels="Person,Car,Vehicle")
        good = sum(map(found_all, streets))
        print(f"measured: {engine}: all is found in {good} of {len(streets)} frames")
        assert len(streets) == 30 and good >= 0.9 * len(streets)
        assert {box["label"] for street in streets for box in street["boxes"]} <= {"Person", "Car", "Vehicle"}


def test_both_engines_find_what_python_finds():
    """The same pictures, as large as the network's input, given to each engine and to a program in Python: the same boxes within 1
    pixel and 0.02."""
    paths = [cached("dog.jpg"), *footage(50, 3)]
    for i, path in enumerate(paths):
        paths[i] = f"small{i}.png"
        cv2.imwrite(paths[i], cv2.resize(cv2.imread(path), (300, 300), interpolation=cv2.INTER_AREA))
    wanted = in_python(paths, 0.35)
    assert sum(map(len, wanted)) > 20
    for engine in ENGINES:
        worst = 0, 0
        for result, boxes in zip(in_c(engine, paths), wanted):
            for box, (label, score, place) in zip(result["boxes"], boxes):
                off = max(abs(a - b) * 300 for a, b in zip(box["box"], place)), abs(box["score"] - score)
                assert box["label"] == label and off[0] < 1 and off[1] < 0.02, (box, label, score, place)
                worst = tuple(map(max, worst, off))
            assert len(result["boxes"]) == len(boxes), (result, boxes)
        print("measured: {}: at most {:.4f} pixels and {:.5f} off what Python finds".format(engine, *worst))
