# SPDX-License-Identifier: Apache-2.0
"""SSD decoding, compared with a computation of the same in numpy, on random outputs of a network."""
import os
import subprocess

import numpy as np

from support.ssd import anchors, decode

CLASSES = 24


def run(boxes, logits, threshold):
    program = os.path.join(os.environ["ZOETROPE_BUILD"], "tests", "decode_ssd")
    data = boxes.astype(np.float32).tobytes() + logits.astype(np.float32).tobytes()
    output = subprocess.run([program, str(CLASSES), str(threshold), "1917"], input=data, capture_output=True, check=True)
    rows = [[float(value) for value in line.split()] for line in output.stdout.decode().splitlines()]
    return np.array(rows[:1917]), np.array(rows[1917:])


def test_anchors_and_boxes_equal_numpys():
    random = np.random.default_rng(20261121)
    total = 0
    for round_ in range(5):
        boxes = random.normal(0, 3, (1917, 4)).astype(np.float32)
        logits = random.normal(-6, 2.5, (1917, CLASSES)).astype(np.float32)
        got_anchors, got = run(boxes, logits, 0.4)
        wanted = decode(boxes, logits, 0.4)
        assert np.abs(got_anchors - anchors()).max() < 1e-6
        assert got.shape == wanted.shape and len(wanted) > 50, (got.shape, wanted.shape)
        assert (got[:, 0] == wanted[:, 0]).all()
        assert np.abs(got - wanted).max() < 1e-5
        total += len(wanted)
    print(f"{total} boxes compared")
