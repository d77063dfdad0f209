# SPDX-License-Identifier: Apache-2.0
"""Models that are missing, damaged or of the wrong kind, and labels they do not know: one sentence each, no crash."""
# limit: random_damage_never_crashes 180 s
# limit: wrong_shape 180 s
import os
import random
import shutil
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from detecting import command, refused

MODEL = os.path.join(os.environ["ZOETROPE_MODELS"], "ssd-mobilenet-v2")


def labels(path):
    shutil.copy(MODEL + ".labels.txt", path.replace(".onnx", ".labels.txt"))


def save(name, nodes, input_shape, output_shape, constants=()):
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "g", [value("in", input_shape)], [value("out", output_shape)], list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 6
    path = os.path.abspath(name)
    onnx.save(model, path)
    labels(path)
    return path


def damaged(name, change):
    """A copy of the model, changed."""
    with open(MODEL + ".onnx", "rb") as file:
        data = bytearray(file.read())
    with open(name, "wb") as file:
        file.write(change(data))
    path = os.path.abspath(name)
    labels(path)
    return path


def test_missing():
    said = refused("opencv", "ssd-mobilenet-v2", environment={"ZOETROPE_MODELS": "/nowhere"}.items())
    assert "model ssd-mobilenet-v2 not found in /nowhere" in said and "tools/fetch-model" in said
    assert "not found" in refused("opencv", "fnord") and "take ssd-mobilenet-v2" in refused("opencv", "fnord")
    assert "cannot be opened" in refused("opencv", "./fnord.onnx")
    assert "needs a model" in refused("opencv", "")


def test_text_empty_folder():
    os.mkdir("folder.onnx")
    assert "no ordinary file" in refused("opencv", "./folder.onnx")
    assert "is damaged or no ONNX model" in refused("opencv", damaged("text.onnx", lambda _: b"This is a text.\n" * 99))
    assert "is damaged or no ONNX model" in refused("opencv", damaged("empty.onnx", lambda _: b""))


def test_truncated():
    for part in (0.001, 0.3, 0.9, 0.9999):
        said = refused("opencv", damaged("cut.onnx", lambda data: data[:int(len(data) * part)]))
        assert "is damaged or no ONNX model" in said and "tools/fetch-model" in said


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
        done = subprocess.run([*command_once(path)], capture_output=True, text=True, timeout=30)
        # Without a fault the detector begins, and waits for its camera until told to end.
        assert done.returncode in (0, 1), (seed, done.returncode, done.stderr)
        assert len(done.stderr.splitlines()) == (1 if done.returncode else 0), (seed, done.stderr)
        said += done.returncode
    print(f"{said} of 12 refused")
    assert said > 0


def command_once(path):
    return ["timeout", "--preserve-status", "-s", "INT", "1.5", *command("front", "opencv", path)]


def test_wrong_shape():
    picture = save("relu.onnx", [helper.make_node("Relu", ["in"], ["out"])], [1, 3, 300, 300], [1, 3, 300, 300])
    said = refused("opencv", picture)
    assert "has outputs [1][3][300][300]" in said and "[1][1917][4]" in said and "take ssd-mobilenet-v2" in said

    weights = numpy_helper.from_array(np.zeros((3 * 64 * 64, 10), np.float32), "w")
    classifier = save("small.onnx", [helper.make_node("Flatten", ["in"], ["flat"]),
                                     helper.make_node("MatMul", ["flat", "w"], ["out"])], [1, 3, 64, 64], [1, 10], [weights])
    assert "is no model for 300x300 pixels" in refused("opencv", classifier)

    unknown = save("unknown.onnx", [helper.make_node("Fnord", ["in"], ["out"])], [1, 3, 300, 300], [1, 3, 300, 300])
    assert "is damaged or no ONNX model that OpenCV reads" in refused("opencv", unknown)


def test_labels_of_a_model():
    path = damaged("few.onnx", lambda data: data)
    with open("few.labels.txt", "w", encoding="utf-8") as file:
        file.write("???\nPerson\nCar\n")
    assert "3 labels" in refused("opencv", path)
    with open("few.labels.txt", "w", encoding="utf-8") as file:
        file.write("x" * 40)
    assert "longer than 31 bytes" in refused("opencv", path)
    os.unlink("few.labels.txt")
    assert "few.labels.txt cannot be opened" in refused("opencv", path)


def test_unknown_label():
    said = refused("opencv", "ssd-mobilenet-v2", labels="Person,Persn")
    assert "'Persn'" in said and "Bicycle" in said and "Person" in said and "Car" in said
    assert "Person" in refused("opencv", "ssd-mobilenet-v2", labels="person")
