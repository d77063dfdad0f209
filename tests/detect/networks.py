# SPDX-License-Identifier: Apache-2.0
"""Tiny networks whose right answer can be computed, made for tests: they detect nothing but plain colours.

A network of grid() looks at 64x64 pixels as 4x4 cells. Each cell has a box of its own, and as scores of the classes Red, Green,
Blue the mean of that colour in the cell. Its description says that it was made here.
"""
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE, CELLS = 64, 4
LABELS = ["Red", "Green", "Blue"]
OBJECTNESS = 0.75
COLOUR_OF = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def describe(path, **keys):
    """Write the description of the network in `path` beside it. Gives path."""
    keys = {"width": SIDE, "height": SIDE, "scale": [1 / 255], "labels": LABELS, "licence": "Apache-2.0",
            "source": "made by tests/detect/networks.py: it detects nothing", **keys}
    with open(os.path.splitext(path)[0] + ".yaml", "w", encoding="utf-8") as file:
        json.dump({key: value for key, value in keys.items() if value is not None}, file)
    return os.path.abspath(path)


def save(path, nodes, input_shape, outputs, constants=(), opset=9):
    """outputs: name -> shape."""
    def value(name, shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "made_for_a_test", [value("in", input_shape)], [value(*o) for o in outputs.items()],
                              [numpy_helper.from_array(array, name) for name, array in constants])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 6
    onnx.save(model, path)
    return path


def cell_boxes():
    """float32 [16][4]: centre x y, width, height in pixels; a box is half as large as its cell."""
    size = SIDE / CELLS
    return np.array([((i % CELLS + 0.5) * size, (i // CELLS + 0.5) * size, size / 2, size / 2) for i in range(CELLS ** 2)],
                    np.float32)


def grid(path, head, batch=1, **keys):
    """A network with the head yolov5 or yolov8; batch "n" takes any number of pictures at once."""
    count = CELLS ** 2
    boxes = cell_boxes()
    constant = np.concatenate([boxes, np.full((count, 1), OBJECTNESS, np.float32)], 1)[None] if head == "yolov5" else boxes.T[None]
    nodes = [helper.make_node("AveragePool", ["in"], ["pooled"], kernel_shape=[SIDE // CELLS] * 2, strides=[SIDE // CELLS] * 2),
             helper.make_node("Reshape", ["pooled", "shape"], ["scores8"]),
             helper.make_node("Transpose", ["scores8"], ["scores5"], perm=[0, 2, 1])]
    constants = [("shape", np.array([-1, 3, count], np.int64)), ("boxes", np.ascontiguousarray(constant))]
    boxes_name = "boxes"
    if batch == "n":  # as many boxes as pictures: a column of scores times 0, plus the boxes
        nodes += [helper.make_node("ReduceMax", ["in"], ["most"], axes=[1, 2, 3], keepdims=1),
                  helper.make_node("Reshape", ["most", "one"], ["flat"]), helper.make_node("Mul", ["flat", "zero"], ["zeros"]),
                  helper.make_node("Add", ["zeros", "boxes"], ["boxes_n"])]
        constants += [("one", np.array([-1, 1, 1], np.int64)), ("zero", np.array(0, np.float32))]
        boxes_name = "boxes_n"
    five = head == "yolov5"
    nodes = [n for n in nodes if five or n.output[0] != "scores5"]
    nodes.append(helper.make_node("Concat", [boxes_name, "scores5" if five else "scores8"], ["out"], axis=2 if five else 1))
    shape = [batch, count, 8] if five else [batch, 7, count]
    save(path, nodes, [batch, 3, SIDE, SIDE], {"out": shape}, constants)
    return describe(path, head=head, **keys)


def squares(path, colours, width=SIDE, height=SIDE):
    """A raw RGB picture, black but for squares of 16 pixels: (column, row) -> colour. Gives path."""
    picture = np.zeros((height, width, 3), np.uint8)
    for (column, row), colour in colours.items():
        picture[16 * row:16 * row + 16, 16 * column:16 * column + 16] = colour
    with open(path, "wb") as file:
        file.write(picture.tobytes())
    return os.path.abspath(path)


def wanted(colours, objectness=1.0):
    """What a grid network finds in squares(colours), at a threshold of 0.3: rows of label, score, box; best first."""
    rows = []
    for (column, row), colour in colours.items():
        best = int(np.argmax(colour))
        score = colour[best] / 255 * objectness
        if score >= 0.3:
            rows.append((LABELS[best], score, [(column + 0.25) / 4, (row + 0.25) / 4, 1 / 8, 1 / 8]))
    return sorted(rows, key=lambda r: -r[1])
