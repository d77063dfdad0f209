# SPDX-License-Identifier: Apache-2.0
"""Date and time are in preview and stills when that is wanted, and never in frames."""
import glob
import io

import numpy
from PIL import Image
from support.camera import Reader
from support.wait import wait_for
from support.zoetrope import Zoetrope

BOX = (slice(-15, None), slice(0, 160))  # 20 letters of 8 x 13 pixels
WIDTH, HEIGHT = 640, 360


def luma(jpeg):
    return numpy.asarray(Image.open(io.BytesIO(jpeg)).convert("L")).astype(int)


def has_clock(picture):
    """White letters on dark: the test pattern has neither there."""
    box = picture[BOX]
    return box.max() > 220 and numpy.median(box) < 60


def pictures(**options):
    """A picture of the plain stream, one of the other, a still, and a frame's luma."""
    config = {"cameras": {"front": {"source": "test:?format=I420", "width": WIDTH, "height": HEIGHT, "fps": 10}},
              "preview": options, "save": {"folder": "stills", "every": 5, **options}}
    with Zoetrope(config) as zoe:
        with zoe.stream("front") as plain, zoe.stream("front", "?overlay=1") as overlaid:
            shown = [luma(next(plain).body), luma(next(overlaid).body)]
        zoe.put("front", "save", True)
        still = wait_for(lambda: glob.glob("stills/front/*.jpg"), 10, "a still")[0]
        with open(still, "rb") as stream:
            shown.append(luma(stream.read()))
        Reader(1, raw="raw").wait()
    with open("raw", "rb") as stream:
        frame = numpy.frombuffer(stream.read(WIDTH * HEIGHT), numpy.uint8).reshape(HEIGHT, WIDTH).astype(int)
    return shown, frame


def test_clock_when_it_is_wanted():
    shown, frame = pictures(timestamp=True)
    assert [has_clock(picture) for picture in shown] == [True] * 3
    assert not has_clock(frame)


def test_no_clock_otherwise():
    shown, frame = pictures()
    assert [has_clock(picture) for picture in [*shown, frame]] == [False] * 4
