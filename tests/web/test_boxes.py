# SPDX-License-Identifier: Apache-2.0
"""Boxes where they belong on the page's canvas, with planted results."""
# limit: 90 s
from support import wait_for
from support.browser import Browser
from support.preview import FIRST_BOX, SECOND_BOX, Preview, Publisher

ORANGE, TEAL = (0xFF, 0x9F, 0x1C), (0x2E, 0xC4, 0xB6)


def sides(picture, box):
    """Pixels around the middle of a box's left and right side, a pixel to each side: on the screen the picture is scaled."""
    height, width, _ = picture.shape
    y = round((box[1] + box[3] / 2) * height)
    return [picture[y, round(x * width) - 1:round(x * width) + 2] for x in (box[0], box[0] + box[2])]


def check(picture, what):
    for box, colour in ((FIRST_BOX, ORANGE), (SECOND_BOX, TEAL)):
        for got in sides(picture, box):
            assert abs(got - colour).max(axis=1).min() < 90, f"{what}: a side of {box} is {got}, wanted {colour}"


def fresh_screen(browser):
    """A screenshot with boxes not older than a second before and after it, or None."""
    ages = [float(browser.canvas()["resultAge"] or 9)]
    picture = browser.screenshot("canvas")
    ages.append(float(browser.canvas()["resultAge"] or 9))
    return [picture] if max(ages) < 1 else None


def test_boxes_on_the_canvas_and_on_the_screen():
    with Publisher(), Preview() as preview, Browser(preview.port) as browser:
        wait_for(lambda: browser.canvas().get("boxes") == "2", 15, "two boxes")
        # boxes older than a second are drawn paler
        data, picture = wait_for(lambda: (found := browser.canvas_pixels()) and float(found[0]["resultAge"] or 9) < 1 and found, 20, "fresh boxes")
        check(picture, "canvas")
        check(wait_for(lambda: fresh_screen(browser), 20, "fresh boxes on the screen")[0], "screen")
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
