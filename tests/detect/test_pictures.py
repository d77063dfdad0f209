# SPDX-License-Identifier: Apache-2.0
"""The neural detector on real pictures: what it finds in dog.jpg and vtest.avi, and the same in every pixel format.

limit: vtest 90 s
"""
from support.zoetrope import Zoetrope, cached

from detecting import Detector, camera, raw, reading, results

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
    print({label: round(score, 3) for label, score in best_scores(result).items()}, result["inference_ns"] / 1e6, "ms")
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
    for name, boxes in found.items():
        print(name, [(box["label"], round(box["score"], 3)) for box in boxes])
        assert len(boxes) == len(wanted), name
        for box, other in zip(sorted(boxes, key=lambda b: b["label"]), sorted(wanted, key=lambda b: b["label"])):
            assert box["label"] == other["label"], name
            assert abs(box["score"] - other["score"]) < 0.03, name
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


def test_vtest():
    """Thirty frames over the whole of vtest.avi (795 frames, played at 100 a second), judged by place."""
    config = {"cameras": {"front": {"source": f"file:{cached('vtest.avi')}", "fps": 100, "loop": True}},
              "detectors": {"objects": {**MODEL, "cameras": ["front"], "threshold": 0.35, "max_fps": 3.8,
                                        "labels": ["Person", "Car", "Vehicle"]}}}
    with Zoetrope(config):
        with reading("front/detections", 31, 40) as found:
            pass
    found = found[1:]
    places = [result["source_seq"] % 795 for result in found]
    good = sum(map(found_all, found))
    print(f"{good} of {len(found)} frames; frames looked at: {places}")
    assert max(b - a for a, b in zip(sorted(places), sorted(places)[1:])) < 80, "not over the whole of it"
    assert good >= 0.9 * len(found)
    assert {box["label"] for result in found for box in result["boxes"]} <= {"Person", "Car", "Vehicle"}
