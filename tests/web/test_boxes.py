# SPDX-License-Identifier: Apache-2.0
"""Boxes where they belong on the page's canvas, with planted results."""
# limit: 90 s
import time

from support import wait_for
from support.browser import Browser
from support.preview import FIRST_BOX, SECOND_BOX, Preview, Publisher

ORANGE, TEAL = (0xFF, 0x9F, 0x1C), (0x2E, 0xC4, 0xB6)


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


def test_boxes_go_when_results_stop():
    with Publisher(mode="nodetections"), Preview() as preview, Browser(preview.port) as browser:
        browser.wait_pictures(3)
        assert browser.canvas()["boxes"] == "0" and browser.canvas()["resultAge"] == ""
