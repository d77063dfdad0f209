# SPDX-License-Identifier: Apache-2.0
"""overlay=exact: pictures with the boxes that were found in that very frame, drawn by the server."""
import io
import time

import numpy
from PIL import Image

from support import http, marks, wait_for
from support.preview import Preview, Publisher
from support.zoetrope import Zoetrope

ORANGE = (0xFF, 0x9F, 0x1C)
SIZE = (1280, 720)
CONFIG = {"cameras": {"front": {"source": "test:", "width": SIZE[0], "height": SIZE[1], "fps": 10}},
          "detectors": {"planted": {"engine": "replay", "model": "./square.jsonl", "cameras": ["front"]}}, "preview": {"quality": 95}}
PROMISED_ERROR = 0.02  # of the width
A_FRAME = 0.006  # the square moves that far from one frame to the next


def test_boxes_of_the_very_frame():
    """The replayed result of frame n says where the square of picture n is (test_boxes.py has the same for the page)."""
    marks.replay("square.jsonl", 2000, *SIZE)
    with Zoetrope(CONFIG) as zoe, zoe.stream("front", "?overlay=exact") as stream:
        parts = []
        while len(parts) < 6:
            part = next(stream)
            if part.headers.get("x-zoetrope-result-sequence") == str(part.sequence):
                parts.append(part)
    sequences = [part.sequence for part in parts]
    assert sequences == sorted(set(sequences)) and all(part.number("Result-Age") == 0 for part in parts)
    errors = []
    for part in parts:
        picture = numpy.asarray(Image.open(io.BytesIO(part.body)).convert("RGB")).astype(int)
        errors.append(marks.box_error(picture, marks.square(part.sequence, *SIZE), ORANGE, 100))
        assert errors[-1] is not None, f"no box around the square of frame {part.sequence}"
    print(f"measured: the box's sides are at most {100 * max(errors):.2f} % of the width from where they belong, promised {100 * PROMISED_ERROR:.0f} %")
    assert max(errors) < min(PROMISED_ERROR, A_FRAME)


def test_only_frames_with_results():
    """The publisher has results for each fifth frame; who asks for other boxes gets all frames meanwhile."""
    with Publisher(), Preview() as preview, preview.stream(query="?overlay=exact") as exact, preview.stream(query="?overlay=1") as newest:
        def each_fifth():
            return all(part.sequence % 5 == 0 and part.number("Result-Age") == 0 for part in exact.take(8))
        wait_for(each_fifth, 30, "eight pictures, each with a result of its own")
        sequences = [part.sequence for part in newest.take(20)]
        assert any(sequence % 5 for sequence in sequences)


def test_pictures_come_also_without_results():
    with Publisher(mode="nodetections"), Preview() as preview:
        began = time.monotonic()
        with preview.stream(query="?overlay=exact") as exact:
            assert all("x-zoetrope-result-sequence" not in part.headers for part in exact.take(5))
        print(f"measured: five pictures without boxes after {time.monotonic() - began:.1f} s")
        wait_for(lambda: http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg?overlay=exact")[0] == 200, 10, "a snapshot")


def test_nothing_is_left_when_nobody_watches():
    with Publisher(), Preview() as preview:
        def readers():
            topics = http.get_json(preview.port, "/api/v1/topics")["topics"]
            return [party for topic in topics if topic["topic"] == "front" for party in topic["parties"] if party["role"] == "subscriber"]
        with preview.stream(query="?overlay=exact") as exact:
            next(exact)
            assert len(readers()) == 2, "one for frames as they come, one that waits for results"
        wait_for(lambda: not readers(), 5, "both to be gone")
