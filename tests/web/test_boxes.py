# SPDX-License-Identifier: Apache-2.0
"""Boxes where they belong on the page's canvas: with planted results, and around the square of the `test` source."""
# limit: 180 s
import re
import time

from support import marks, wait_for
from support.browser import Browser
from support.preview import FIRST_BOX, SECOND_BOX, Preview, Publisher
from support.zoetrope import Zoetrope

ORANGE, TEAL = (0xFF, 0x9F, 0x1C), (0x2E, 0xC4, 0xB6)
SIZE = (1280, 720)
MOVING = {"cameras": {"front": {"source": "test:", "width": SIZE[0], "height": SIZE[1], "fps": 10}},
          "detectors": {"planted": {"engine": "replay", "model": "./square.jsonl", "cameras": ["front"]}}, "preview": {}}
PROMISED_ERROR = 0.02  # of the width
A_FRAME = 0.006  # the square moves that far from one frame to the next


def sides(picture, box):
    """Pixels around the middle of a box's left and right side, a pixel to each side: on the screen the picture is scaled."""
    height, width, _ = picture.shape
    y = round((box[1] + box[3] / 2) * height)
    return [picture[y, round(x * width) - 1:round(x * width) + 2] for x in (box[0], box[0] + box[2])]


def wrong_sides(picture):
    """Boxes whose side is not where it belongs, in its full colour."""
    return [(box, got, colour) for box, colour in ((FIRST_BOX, ORANGE), (SECOND_BOX, TEAL)) for got in sides(picture, box)
            if abs(got - colour).max(axis=1).min() >= 90]


def wait_sides(look, what):
    """look() gives something and a picture; boxes older than a second are drawn paler, so look until they are fresh."""
    deadline = time.monotonic() + 20
    while True:
        found, picture = look()
        wrong = wrong_sides(picture)
        if not wrong:
            return found, picture
        assert time.monotonic() < deadline, f"{what}: a side of {wrong[0][0]} is {wrong[0][1]}, wanted {wrong[0][2]}"


def test_boxes_on_the_canvas_and_on_the_screen():
    with Publisher(), Preview() as preview, Browser(preview.port) as browser:
        wait_for(lambda: browser.canvas().get("boxes") == "2", 15, "two boxes")
        data, picture = wait_sides(browser.canvas_pixels, "canvas")
        wait_sides(lambda: (None, browser.screenshot("canvas")), "screen")
        age, behind = float(data["resultAge"]), int(data["sequence"]) - int(data["resultSequence"])
        print(f"measured: boxes are {age:.3f} s and {behind} frames older than their picture")
        assert 0 <= behind <= 30 and abs(age - behind / 30) < 0.002
        label = picture[round(FIRST_BOX[1] * 720) - 20:round(FIRST_BOX[1] * 720) - 3, round(FIRST_BOX[0] * 1280) + 3:][:, :120]
        assert 0.02 < (label.max(axis=2) < 90).mean() < 0.6, "no letters in the label"


def test_colours_on_the_canvas():
    with Publisher(mode="nodetections"), Preview() as preview, Browser(preview.port) as browser:
        browser.wait_pictures(3)
        _, picture = browser.canvas_pixels()
        assert picture[400, 80].min() >= 253, f"white is {picture[400, 80]}"
        assert picture[400, 1200].max() <= 3, f"black is {picture[400, 1200]}"
        assert abs(picture[400, 880] - (255, 0, 0)).max() < 8 and abs(picture[400, 1040] - (0, 0, 255)).max() < 8


def test_boxes_lie_around_the_moving_square():
    """The replayed result of frame n says where the square of picture n is. A camera that had no CPU has left out numbers of pictures: from then
    on the square itself is further than the results say, by a known way; the boxes must be where the result of that very frame has them."""
    marks.replay("square.jsonl", 2000, *SIZE)
    errors, left_out = {}, set()
    with Zoetrope(MOVING) as zoe, Browser(zoe.port) as browser:
        before = browser.run("""document.querySelector('#boxes').value = 'exact';
                                document.querySelector('#boxes').dispatchEvent(new Event('change'));
                                return Number(document.querySelector('canvas[data-camera=front]')?.dataset.sequence ?? -1)""")
        wait_for(lambda: browser.canvas().get("boxes") == "1", 60, "a box")

        def enough():
            data, picture = browser.canvas_pixels()
            if int(data["sequence"]) <= before or picture.shape[1] != SIZE[0]:
                return False  # drawn before the change; or small, as the page's first pictures are, and so are their marks
            sequence, (number, _) = int(data["sequence"]), marks.read(picture)
            assert data["resultSequence"] == data["sequence"], data
            error = marks.box_error(picture, marks.square(sequence, *SIZE), ORANGE)
            assert error is not None, f"no box around the square of frame {sequence}"
            errors[sequence] = error
            left_out.add(number - sequence)
            return len(errors) >= 5
        wait_for(enough, 60, "five pictures with boxes of their own")
    print(f"measured: sides of boxes are at most {100 * max(errors.values()):.2f} % of the width from where they belong, promised {100 * PROMISED_ERROR:.0f} %; "
          f"frames that the camera left out: {max(left_out)}")
    assert max(errors.values()) < min(PROMISED_ERROR, A_FRAME), errors


LISTEN = """
const fillText = CanvasRenderingContext2D.prototype.fillText;
window.written = new Set();
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
	window.written.add(String(text));
	return fillText.call(this, text, ...more);
};
"""


def on_the_way(picture, place):
    """Is the middle of where the square was on the line?"""
    x, y, side = place
    near = picture[y + side // 2 - 3:y + side // 2 + 4, x + side // 2 - 3:x + side // 2 + 4]
    return abs(near - ORANGE).max(axis=2).min() < 30


def test_the_way_of_what_is_followed():
    """The square is followed: a line behind its box leads through where it was in frames before."""
    marks.replay("square.jsonl", 2000, *SIZE)
    followed = {**MOVING["detectors"]["planted"], "track": True}
    with Zoetrope({**MOVING, "detectors": {"planted": followed}}) as zoe, Browser(zoe.port) as browser:
        def way():
            """While it goes to the right; else its label may lie where it was. The page's first pictures are small."""
            data, picture = browser.canvas_pixels()
            if data.get("boxes") != "1" or picture.shape[1] != SIZE[0]:
                return False
            places = [marks.square(int(data["resultSequence"]) - before, *SIZE) for before in (12, 10, 8, 6, 4)]
            return places == sorted(places, key=lambda place: place[0]) and all(on_the_way(picture, place) for place in places)
        wait_for(way, 60, "the way of the square")
        browser.run(LISTEN)
        label = wait_for(lambda: [text for text in browser.run("return [...written]") if re.fullmatch(r"Square #\d+ 90%", text)], 30, "its number in the label")
        print(f"measured: labels {label}")
        browser.run("document.querySelector('#boxes').value = 'off'; document.querySelector('#boxes').dispatchEvent(new Event('change'))")
        wait_for(lambda: not way(), 20, "the way to go with the boxes")


def test_boxes_go_when_results_stop():
    with Publisher(mode="nodetections"), Preview() as preview, Browser(preview.port) as browser:
        browser.wait_pictures(3)
        assert browser.canvas()["boxes"] == "0" and browser.canvas()["resultAge"] == ""
