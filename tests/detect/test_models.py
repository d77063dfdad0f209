# SPDX-License-Identifier: Apache-2.0
"""Models that are missing, damaged or of the wrong kind, and labels they do not know: one sentence each, no crash."""
# limit: random_damage_never_crashes 180 s
# limit: wrong_shape 180 s
# limit: truncated 180 s
import os
import random
import shutil
import subprocess
import sys

import numpy as np
from onnx import helper

from support.zoetrope import PROGRAM, cached, program

from detecting import refused
from networks import describe, grid, save

MODEL = os.path.join(os.environ["ZOETROPE_MODELS"], "ssd-mobilenet-v2")
ENGINES = ("opencv", "onnxruntime")


def objects(path):
    """Describe the network in path as the SSD is. Gives path."""
    with open(MODEL + ".yaml", encoding="utf-8") as source, open(path.replace(".onnx", ".yaml"), "w", encoding="utf-8") as copy:
        copy.writelines(line for line in source if not line.startswith("file:"))
    return os.path.abspath(path)


def damaged(name, change):
    """A copy of the model, changed."""
    with open(MODEL + ".onnx", "rb") as file:
        data = bytearray(file.read())
    with open(name, "wb") as file:
        file.write(change(data))
    return objects(name)


def test_missing():
    for engine in ENGINES:
        nowhere = {"ZOETROPE_MODELS": "/nowhere"}.items()
        options = {"options": f"library={os.path.dirname(MODEL)}/onnxruntime/libonnxruntime.so"} if engine == "onnxruntime" else {}
        said = refused(engine, "ssd-mobilenet-v2", environment=nowhere, **options)
        assert "model ssd-mobilenet-v2 not found in /nowhere" in said and "zoetrope model fetch" in said
        assert "cannot be read" in refused(engine, "./fnord.onnx") and "fnord.yaml" in refused(engine, "./fnord")
        assert "needs a model" in refused(engine, "")


def test_library_missing():
    said = refused("onnxruntime", "ssd-mobilenet-v2", environment={"ZOETROPE_MODELS": "/nowhere"}.items())
    assert "ONNX Runtime cannot be loaded" in said and "zoetrope model fetch onnxruntime" in said
    said = refused("onnxruntime", "ssd-mobilenet-v2", options="library=/lib/x86_64-linux-gnu/libm.so.6")
    assert "no ONNX Runtime" in said


def test_text_empty_folder():
    for engine in ENGINES:
        if not os.path.isdir("folder.onnx"):
            os.mkdir("folder.onnx")
        assert "no ordinary file" in refused(engine, objects("folder.onnx"))
        assert "is damaged or no ONNX model" in refused(engine, damaged("text.onnx", lambda _: b"This is a text.\n" * 99))
        assert "is damaged or no ONNX model" in refused(engine, damaged("empty.onnx", lambda _: b""))


def test_truncated():
    for engine in ENGINES:
        for part in (0.001, 0.3, 0.9999):
            said = refused(engine, damaged("cut.onnx", lambda data: data[:int(len(data) * part)]))
            assert "is damaged or no ONNX model" in said


def test_random_damage_never_crashes():
    """Changed bytes in weights go unnoticed; in the structure they must end in a sentence."""
    def change(data):
        for _ in range(20):
            data[-random.randrange(1, 3000)] = random.randrange(256)
        return data
    said = 0
    for seed in range(12):
        random.seed(seed)
        path = damaged("damaged.onnx", change)
        done = program("detect", "--model", path, "--folder=", cached("dog.jpg"), timeout=60)
        assert done.returncode in (0, 1), (seed, done.returncode, done.stderr)
        assert len(done.stderr.splitlines()) == (1 if done.returncode else 0), (seed, done.stderr)
        said += done.returncode
    print(f"{said} of 12 refused")
    assert said > 0


def test_wrong_shape():
    for engine in ENGINES:
        picture = objects(save("relu.onnx", [helper.make_node("Relu", ["in"], ["out"])], [1, 3, 300, 300], {"out": [1, 3, 300, 300]}))
        said = refused(engine, picture)
        assert "has outputs [1][3][300][300]" in said and "[n][1917][4]" in said

        weights = np.zeros((3 * 64 * 64, 10), np.float32)
        nodes = [helper.make_node("Flatten", ["in"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["out"])]
        classifier = objects(save("small.onnx", nodes, [1, 3, 64, 64], {"out": [1, 10]}, [("w", weights)]))
        assert "is no model for 300x300 pixels" in refused(engine, classifier)

        unknown = objects(save("unknown.onnx", [helper.make_node("Fnord", ["in"], ["out"])], [1, 3, 300, 300], {"out": [1, 3, 300, 300]}))
        assert "is damaged or no ONNX model" in refused(engine, unknown)
    said = refused("onnxruntime", describe(save("many.onnx", [helper.make_node("Relu", ["in"], ["out"])], [4, 3, 64, 64],
                                                {"out": [4, 3, 64, 64]}), head="yolov8"))
    assert "wants 4 pictures at once" in said


def test_descriptions():
    """Each wrong one is a sentence that names the file and, where there is one, the line."""
    path = grid("net.onnx", "yolov8")
    for text, wanted in {
        "": "is empty; wanted the description of a model",
        "- a": "wanted keys such as",
        "head: [": "is not YAML",
        "haed: ssd": "net.yaml:1: key 'haed' is not known; did you mean 'head'?",
        "width: 9000": "key 'width': wanted a whole number from 0 to 8192 (pixels), found '9000'",
        "head: resnet": "key 'head': wanted one of ssd|blazeface|yolov5|yolov8, found 'resnet'",
        "head: ssd\nhead: ssd": "stands there twice",
        "head: ssd\nwidth: 3\nheight: 3\nlicence: x\nsource: x": "key 'labels' is missing",
        "head: ssd\nwidth: 3\nlabels: [a]\nlicence: x\nsource: x": "key 'height' is missing",
        "head: ssd\nwidth: 3\nheight: 3\nlabels: [a]\nlicence: x": "key 'source' is missing",
        "head: ssd\nwidth: 3\nheight: 3\nlabels: [a]\nlicence: x\nsource: x\nmean: [1, 2]": "key 'mean': wanted 1 number or 3, found 2",
        "head: ssd\nwidth: 3\nheight: 3\nlabels: [a]\nlicence: x\nsource: x\nscale: [half]": "key 'scale': 'half' is no number",
        "head: ssd\nwidth: 3\nheight: 3\nlabels: [%s]\nlicence: x\nsource: x" % ("x" * 40): "label 0 is longer than 31 bytes",
        "head: ssd\nwidth: 3\nheight: 3\nlabels: [a]\nlicence: x\nsource: x\nfile: gone.onnx": "gone.onnx cannot be opened",
    }.items():
        with open("net.yaml", "w", encoding="utf-8") as file:
            file.write(text)
        assert wanted in refused("opencv", path), text
    os.unlink("net.yaml")
    assert "net.yaml: cannot be read" in refused("opencv", path)


def test_file_of_another_name():
    shutil.move(grid("net.onnx", "yolov8"), "other.onnx")
    describe("net.onnx", head="yolov8", file="other.onnx", labels=["Red", "Green"])
    assert "other.onnx has outputs [1][7][16] and 2 labels" in refused("opencv", "./net.yaml")


def test_unknown_label():
    said = refused("opencv", "ssd-mobilenet-v2", labels="Person,Persn")
    assert "'Persn'" in said and "Bicycle" in said and "Person" in said and "Car" in said
    assert "Person" in refused("opencv", "ssd-mobilenet-v2", labels="person")


def sockets(*command):
    """The sockets that a command opens."""
    done = subprocess.run(["strace", "-f", "-qq", "-o", "trace", "-e", "trace=socket", *command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    with open("trace", encoding="utf-8") as stream:
        return stream.read()


def test_no_connection_is_made():
    """`zoetrope model fetch` alone uses the network; ONNX Runtime would like to."""
    assert "AF_INET" in sockets(sys.executable, "-c", "import socket; socket.socket()")
    assert "AF_INET" not in sockets(PROGRAM, "model", "list")
    for engine in ENGINES:
        assert "AF_INET" not in sockets(PROGRAM, "detect", "--engine", engine, "--model", MODEL, "--folder=", cached("dog.jpg"))
