# SPDX-License-Identifier: Apache-2.0
"""`zoetrope detect`: pictures in, JSON and annotated pictures out, with nothing running."""
import json
import os
import subprocess

import numpy as np

from support.zoetrope import cached, program

from networks import COLOUR_OF, SIDE, grid, squares, wanted


def detect(*arguments):
    """Gives the lines as dicts, and what was said on standard error."""
    done = program("detect", *arguments, timeout=60)
    assert done.returncode == (1 if done.stderr else 0), done
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def picture(name, colours, width=SIDE, height=SIDE):
    """A PNG of squares. Gives its path."""
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i",
                    squares("made.raw", colours, width, height), name], check=True, stdin=subprocess.DEVNULL)
    return name


def pixels(path):
    """The picture as uint8 [height][width][3]."""
    probed = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0", path],
                            capture_output=True, text=True, check=True)
    width, height = map(int, probed.stdout.strip().split(","))
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"], capture_output=True,
                          check=True)
    return np.frombuffer(done.stdout, np.uint8).reshape(height, width, 3)


def test_real_objects():
    """Dog, bicycle and car in both engines, the same ones; the copy differs from the picture along the boxes."""
    found = {}
    for engine in ("opencv", "onnxruntime"):
        lines, _ = detect("--engine", engine, "--model", "ssd-mobilenet-v2", "--threshold=0.6", cached("dog.jpg"))
        (found[engine],) = lines
        assert sorted(box["label"] for box in found[engine]["boxes"]) == ["Bicycle", "Car", "Dog"]
        assert (found[engine]["width"], found[engine]["height"], found[engine]["annotated"]) == (768, 576, "./dog.detect.jpg")
    for a, b in zip(found["opencv"]["boxes"], found["onnxruntime"]["boxes"]):
        assert a["label"] == b["label"] and np.allclose(a["box"], b["box"], atol=1 / 768) and abs(a["score"] - b["score"]) < 0.02
    before, after = pixels(cached("dog.jpg")).astype(int), pixels("dog.detect.jpg").astype(int)
    assert before.shape == after.shape
    changed = np.abs(before - after).max(axis=2) > 60
    for box in found["opencv"]["boxes"]:
        x, y, w, h = (round(v * (768, 576)[i % 2]) for i, v in enumerate(box["box"]))
        assert changed[y + 20:y + h, x:x + 2].mean() > 0.6, box
    assert changed.mean() < 0.15


def test_batches_keep_the_order():
    """Seven pictures, three at once; one of them is no picture, and is said on standard error."""
    colours = [{(i % 4, i // 4): COLOUR_OF[i % 3]} for i in range(7)]
    names = [picture(f"p{i}.png", c) for i, c in enumerate(colours)]
    with open("text.png", "w", encoding="utf-8") as file:
        file.write("this is a text")
    names.insert(3, "text.png")
    colours.insert(3, None)
    model = grid("net.onnx", "yolov8", "n")
    lines, said = detect("--engine=onnxruntime", "--model", model, "--options=batch=3", "--folder=", "--threshold=0.3", *names)
    assert said.count("\n") == 1 and "text.png" in said
    assert [line["image"] for line in lines] == [name for name in names if name != "text.png"]
    for line, colour in zip(lines, filter(None, colours)):
        (box,), ((label, score, place),) = line["boxes"], wanted(colour)
        assert box["label"] == label and abs(box["score"] - score) < 0.03 and np.allclose(box["box"], place, atol=1e-4)
    assert not [name for name in os.listdir() if "detect" in name]


def test_what_is_refused():
    assert "model fnord not found" in detect("--model=fnord", "x.png")[1]
    assert "does not exist" in detect("--model=ssd-mobilenet-v2", "x.png")[1]
    picture("a.png", {})
    lines, said = detect("--model", grid("net.onnx", "yolov8"), "--folder=/nowhere", "a.png")
    assert "/nowhere/a.detect.jpg cannot be written: No such file" in said and lines[0]["boxes"] == []


def test_options_of_engines():
    text = program("detect", "--engine=onnxruntime", "--options=help").stdout
    assert "ONNX Runtime" in text and "--batch\n" in text and "from 1 to 16 (pictures); default 4" in text
    assert program("detect", "--options=help").stdout.startswith("opencv: ")
