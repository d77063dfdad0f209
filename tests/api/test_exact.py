# SPDX-License-Identifier: Apache-2.0
"""overlay=exact: pictures with the boxes that were found in that very frame, drawn by the server."""
# limit: 200 s
import io
import json
import signal
import time

import numpy
from PIL import Image

from support import http, marks, wait_for
from support.preview import FIRST_BOX, SECOND_BOX, Preview, Publisher
from support.zoetrope import Zoetrope

ORANGE, TEAL = (0xFF, 0x9F, 0x1C), (0x2E, 0xC4, 0xB6)
SIZE = (1280, 720)
CONFIG = {"cameras": {"front": {"source": "test:", "width": SIZE[0], "height": SIZE[1], "fps": 10}},
          "detectors": {"planted": {"engine": "replay", "model": "./square.jsonl", "cameras": ["front"]}}, "preview": {"quality": 95}}
PROMISED_ERROR = 0.02  # of the width
A_FRAME = 0.006  # the square moves that far from one frame to the next


def own(part):
    """Has it boxes of its own?"""
    return part.headers.get("x-zoetrope-result-sequence") == str(part.sequence)


def pixels(part):
    return numpy.asarray(Image.open(io.BytesIO(part.body)).convert("RGB")).astype(int)


def drawn(picture, box, colour):
    """Is the middle of the box's left side in that colour?"""
    x, y = round(box[0] * SIZE[0]) + 1, round((box[1] + box[3] / 2) * SIZE[1])
    return abs(picture[y, x] - colour).max() < 100


def test_boxes_of_the_very_frame():
    """The replayed result of frame n says where the square of picture n is (test_boxes.py has the same for the page)."""
    marks.replay("square.jsonl", 2000, *SIZE)
    with Zoetrope(CONFIG) as zoe, zoe.stream("front", "?overlay=exact") as stream:
        parts = []
        while len(parts) < 6:
            part = next(stream)
            if own(part):
                parts.append(part)
    sequences = [part.sequence for part in parts]
    assert sequences == sorted(set(sequences)) and all(part.number("Result-Age") == 0 for part in parts)
    errors = []
    for part in parts:
        errors.append(marks.box_error(pixels(part), marks.square(part.sequence, *SIZE), ORANGE, 100))
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


def test_results_of_another_stream_are_not_its_own():
    """With detect_source the numbers are those of other frames: no boxes are better than wrong ones, and the newest ones are drawn as ever."""
    with Publisher(mode="other"), Preview() as preview, preview.stream(query="?overlay=exact") as exact, preview.stream(query="?overlay=1") as newest:
        wait_for(lambda: drawn(pixels(next(newest)), FIRST_BOX, ORANGE), 20, "boxes of the newest result")
        parts = exact.take(6)
        assert not any("x-zoetrope-result-sequence" in part.headers or drawn(pixels(part), FIRST_BOX, ORANGE) for part in parts)
        assert any(part.sequence % 5 == 0 for part in parts)


def test_nothing_is_left_when_nobody_watches():
    with Publisher(), Preview() as preview:
        def readers():
            topics = http.get_json(preview.port, "/api/v1/topics")["topics"]
            return [party for topic in topics if topic["topic"] == "front" for party in topic["parties"] if party["role"] == "subscriber"]
        with preview.stream(query="?overlay=exact") as exact:
            next(exact)
            assert len(readers()) == 2, "one for frames as they come, one that waits for results"
        wait_for(lambda: not readers(), 5, "both to be gone")


def test_boxes_of_two_detectors():
    """Of two that play their results at paces of their own; a frame that both have looked at shows what both have found."""
    corner = {"label": "Corner", "score": 0.9, "box": [0.05, 0.75, 0.2, 0.2]}
    with open("corner.jsonl", "w", encoding="utf-8") as stream:
        stream.write(json.dumps({"boxes": [corner]}) + "\n")
    marks.replay("square.jsonl", 2000, *SIZE)
    also = {"engine": "replay", "model": "./corner.jsonl", "cameras": ["front"], "every": 2}
    with Zoetrope({**CONFIG, "detectors": {**CONFIG["detectors"], "also": also}}) as zoe, zoe.stream("front", "?overlay=exact") as stream:
        both = {}
        while len(both) < 6:
            part = next(stream)
            if own(part):
                picture = pixels(part)
                square = marks.box_error(picture, marks.square(part.sequence, *SIZE), ORANGE, 100)
                if drawn(picture, corner["box"], ORANGE):
                    assert part.sequence % 2 == 0, f"frame {part.sequence} has a box that was not found in it"
                    both[part.sequence] = square
    both = {sequence: square for sequence, square in both.items() if square is not None}
    print(f"measured: frames {', '.join(map(str, both))} have boxes of both")
    assert len(both) >= 4, "frames that both have looked at show what one has found"
    assert max(both.values()) < min(PROMISED_ERROR, A_FRAME)


def test_pictures_wait_for_the_slower_detector():
    """The second one's results come three frames later; when it gives none any more, pictures come without its boxes."""
    with Publisher(mode="two") as publisher, Preview() as preview, preview.stream(query="?overlay=exact") as exact:
        def complete():
            parts = [part for part in exact.take(6) if own(part)]
            boxes = [(drawn(pixels(part), FIRST_BOX, ORANGE), drawn(pixels(part), SECOND_BOX, TEAL)) for part in parts]
            return len(parts) == 6 and boxes == [(True, True)] * 6
        wait_for(complete, 60, "six pictures, each with boxes of both")
        publisher.process.send_signal(signal.SIGUSR1)

        def first_only():
            part = next(exact)
            picture = pixels(part)
            return own(part) and drawn(picture, FIRST_BOX, ORANGE) and not drawn(picture, SECOND_BOX, TEAL)
        wait_for(first_only, 60, "pictures with the boxes of the one that is left")
        wait_for(first_only, 60, "more of them")
