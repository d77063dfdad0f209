# SPDX-License-Identifier: Apache-2.0
"""What is in preview's pictures: right colours, boxes and labels where they belong."""
import io

import numpy
from PIL import Image

from support import http, wait_for
from support.preview import FIRST_BOX, SECOND_BOX, Preview, Publisher

BARS = [(255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0)]
ORANGE, TEAL = (0xFF, 0x9F, 0x1C), (0x2E, 0xC4, 0xB6)


def pixels(body):
    return numpy.asarray(Image.open(io.BytesIO(body)).convert("RGB")).astype(int)


def check_bars(body, row):
    picture = pixels(body)
    width = picture.shape[1]
    for number, wanted in enumerate(BARS):
        got = picture[row, width * number // 8 + width // 16]
        assert abs(got - wanted).max() <= 4, f"bar {number} is {got}, wanted {wanted}"
    assert picture[row, width // 16].min() >= 254, "white is not white"
    assert picture[row, width - width // 16].max() <= 1, "black is not black"


def bars_are_right(mode):
    with Publisher(width=640, height=360, mode=mode), Preview() as preview:
        wait_for(lambda: http.request(preview.port, "GET", "/api/v1/cameras/front/snapshot.jpg")[0] == 200, 5, "a picture")
        check_bars(preview.snapshot()[1], row=30)
        check_bars(preview.snapshot("?overlay=1")[1], row=30)


def test_limited_range_colours():
    bars_are_right("")


def test_full_range_colours():
    bars_are_right("full")


def test_rgb_colours():
    bars_are_right("rgb")


def edge(picture, box):
    """Colours in the middle of a box's four sides."""
    height, width, _ = picture.shape
    x, y, w, h = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    points = [(x + w / 2, y), (x + w / 2, y + h - 1), (x, y + h / 2), (x + w - 1, y + h / 2)]
    return [picture[min(round(py), height - 1), min(round(px), width - 1)] for px, py in points]


def boxed(preview):
    headers, body = preview.snapshot("?overlay=1")
    return headers["X-Zoetrope-Result-Sequence"] is not None and body


def test_overlay_draws_boxes_and_labels():
    with Publisher(), Preview() as preview:
        picture = pixels(wait_for(lambda: boxed(preview), 5, "a picture with boxes"))
        plain = pixels(preview.snapshot()[1])
        for box, colour in ((FIRST_BOX, ORANGE), (SECOND_BOX, TEAL)):
            for got in edge(picture, box):
                assert abs(got - colour).max() < 100, f"an edge of {box} is {got}, wanted {colour}"
        height, width, _ = picture.shape
        label = picture[int(FIRST_BOX[1] * height) - 30:int(FIRST_BOX[1] * height), int(FIRST_BOX[0] * width):][:, :180]
        black = (label.max(axis=2) < 80).mean()
        assert 0.05 < black < 0.4, f"{black:.2f} of the label are letters"
        middle = int((FIRST_BOX[1] + FIRST_BOX[3] / 2) * height), int((FIRST_BOX[0] + FIRST_BOX[2] / 4) * width)
        assert abs(picture[middle] - plain[middle]).max() < 8, "the inside of a box is changed"
        assert not any(abs(got - ORANGE).max() < 100 for got in edge(plain, FIRST_BOX)), "boxes without overlay"


def test_stream_with_overlay_has_boxes_and_plain_one_has_not():
    with Publisher(), Preview() as preview, preview.stream(query="?overlay=1") as drawn, preview.stream() as plain:
        part = wait_for(lambda: (part := next(drawn)).number("Result-Age") is not None and part, 5, "a result")
        assert abs(edge(pixels(part.body), FIRST_BOX)[2] - ORANGE).max() < 100
        other = wait_for(lambda: (other := next(plain)).sequence >= part.sequence and other, 5, "the same picture")
        assert abs(edge(pixels(other.body), FIRST_BOX)[2] - ORANGE).max() > 100
