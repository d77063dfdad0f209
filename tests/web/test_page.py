# SPDX-License-Identifier: Apache-2.0
"""The page in a real browser, under `zoetrope run`."""
# limit: 240 s
import os
import signal
import time

from support import http, marks, wait_for
from support.browser import Browser
from support.wait import promised
from support.zoetrope import Zoetrope, cached

TEST = {"source": "test:", "width": 1280, "height": 720, "fps": 30}
CONFIG = {"cameras": {"front": TEST}, "preview": {}}
FOOTAGE = {
    "cameras": {"front": {"source": "file:" + cached("vtest.avi"), "fps": 25, "loop": True}},
    "detectors": {"objects": {"engine": "opencv", "model": "ssd-mobilenet-v2", "cameras": ["front"], "threshold": 0.35,
                              "labels": ["Person", "Car", "Vehicle"], "max_fps": 5}},
    "preview": {},
}


def test_two_screenshots_show_the_marks_of_their_time():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(20)
        seen = []
        for _ in range(2):
            before = float(browser.canvas()["captureTime"])
            picture = browser.screenshot("canvas")
            after = float(browser.canvas()["captureTime"])
            read = marks.read(picture, size=(1280, 720))
            assert read, "the marks in the screenshot cannot be read"
            assert before - 1e-6 <= read[1] / 1e9 <= after + 1e-6, f"{read} in a screenshot between {before} and {after} s"
            check_square(picture, read[0])
            seen.append((read, picture))
            browser.wait_pictures(10)
        (first, one), (second, other) = seen
        assert second[0] >= first[0] + 10 and second[1] > first[1]
        print(f"measured: screenshots of frames {first[0]} and {second[0]}, {(second[1] - first[1]) / 1e9:.3f} s apart")
        assert 0 < abs(one - other).max(axis=2)[:80].mean() < 255


def check_square(picture, number):
    """The coloured square is where the frame of that number has it."""
    x, y, side = (value * picture.shape[1] / 1280 for value in marks.square(number, 1280, 720))
    got = picture[round(y + side / 2), round(x + side / 2)]
    assert abs(got - marks.SQUARE_RGB).max() < 40, f"the square's middle is {got} in frame {number}"


def test_the_page_knows_which_picture_it_shows():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port) as browser:
        for _ in range(10):
            browser.wait_pictures(3)
            data, picture = browser.canvas_pixels()
            assert abs(marks.read(picture)[1] / 1e9 - float(data["captureTime"])) < 2e-6, (marks.read(picture), data)


def test_pictures_at_the_full_rate():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(30)
        before, began = browser.canvas(), time.monotonic()
        wait_for(lambda: time.monotonic() - began > 5, 10, "5 seconds")
        after, seconds = browser.canvas(), time.monotonic() - began
        shown = int(after["pictures"]) - int(before["pictures"])
        came = int(after["sequence"]) - int(before["sequence"])
        print(f"measured: {came / seconds:.1f} frames a second, {shown / seconds:.1f} shown")
        assert came / seconds > 28 and shown / seconds > 15
        browser.wait_text("[data-figure=fps]", "of 30 fps")


def test_real_boxes_on_real_footage():
    with Zoetrope(FOOTAGE) as zoe, Browser(zoe.port) as browser:
        wait_for(lambda: int(browser.canvas().get("boxes") or 0) >= 3, 20, "3 boxes")
        data = browser.canvas()
        assert 0 <= float(data["resultAge"]) < 3 and int(data["resultSequence"]) <= int(data["sequence"])
        browser.wait_text("[data-figure=age]", "ms")
        browser.wait_text("[data-figure=detector]", "/s")
        rows = wait_for(lambda: browser.run("return [...document.querySelectorAll('#processes tbody tr')].map(r => r.dataset.process)"),
                        5, "the table of processes")
        assert {"camera front", "detector objects", "preview"} <= set(rows)
        zoe.put("front", "detect", False)
        wait_for(lambda: browser.canvas()["boxes"] == "0", 5, "the boxes to go")
        assert not browser.complaints(), browser.complaints()


def test_workers_stand_below_their_detector():
    config = {"cameras": {"front": {"source": "test:", "fps": 30}},
              "detectors": {"objects": {"engine": "motion", "cameras": ["front"], "workers": 2, "cpus": "0"}}, "preview": {}}
    with Zoetrope(config) as zoe, Browser(zoe.port) as browser:
        rows = "return [...document.querySelectorAll('#processes tr[data-child=\"detector objects\"]')].map(r => r.innerText.split(/\\s+/))"

        def shown():
            found = browser.run(rows)
            return found if len(found) == 2 and all("%" in words for words in found) else None
        below = wait_for(shown, 30, "two rows below the detector, with what they use")
        print(below)
        pids = [child["pid"] for child in zoe.process_state("detector objects")["children"]]
        assert sorted(int(words[-1]) for words in below) == sorted(pids)
        assert all("MiB" in words and "0" in words for words in below)
        assert not browser.complaints(), browser.complaints()


def test_the_page_recovers_from_kills():
    with Zoetrope(FOOTAGE) as zoe, Browser(zoe.port) as browser:
        for name in ("camera front", "detector objects", "preview"):
            wait_for(lambda: int(browser.canvas().get("boxes") or 0) > 0, 20, f"boxes before the kill of {name}")
            pid = zoe.kill(name)
            began = time.monotonic()
            zoe.wait_back(name, pid)
            promised(f"{name} back after kill -9", time.monotonic() - began, 2)
            browser.wait_pictures(5)
            promised(f"the page shows pictures again after kill -9 of {name}", time.monotonic() - began, 3)
            browser.wait_text("#connection", "live")
            restarts = "return document.querySelector(`[data-process='${arguments[0]}']`)?.cells[6].textContent"
            wait_for(lambda name=name: browser.run(restarts, name) == "1", 20, f"one restart of {name} in the table")
        assert browser.run("return document.querySelectorAll('.camera').length") == 1


def test_a_hung_preview_is_noticed_and_replaced():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(5)
        pid = zoe.pid("preview")
        os.kill(pid, signal.SIGSTOP)
        browser.wait_text(".message", "Waiting for a picture")
        zoe.wait_back("preview", pid, seconds=30)
        browser.wait_text("#connection", "live")
        browser.wait_pictures(5)


def button(browser, verb):
    return browser.find(f".switch[data-verb={verb}]")


def test_switches_by_keyboard():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(5)
        preview = button(browser, "preview")
        wait_for(preview.is_enabled, 5, "the switch")
        assert preview.get_attribute("aria-checked") == "true"
        preview.send_keys(" ")
        wait_for(lambda: preview.get_attribute("aria-checked") == "false", 5, "preview to be off")
        browser.wait_text(".message", "Preview is off")
        assert zoe.state()["cameras"]["front"]["preview"]["actual"] is False
        preview.send_keys("\n")
        wait_for(lambda: preview.get_attribute("data-actual") == "true", 5, "preview to be on")
        browser.wait_pictures(5)
        button(browser, "capture").send_keys(" ")
        browser.wait_text(".message", "Capture is off")
        button(browser, "capture").send_keys(" ")
        browser.wait_pictures(5)
        wait_for(lambda: browser.run("return document.querySelector('.message').hidden"), 5, "the message to go")


def test_a_switch_shows_wanted_and_actual():
    with open("occupied", "w", encoding="utf-8"):
        pass
    with Zoetrope({**CONFIG, "save": {"folder": "occupied"}}) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(2)
        save = button(browser, "save")
        save.click()
        wait_for(lambda: save.get_attribute("aria-checked") == "true", 5, "saving to be wanted")
        assert save.get_attribute("data-actual") == "false" and "differs" in save.get_attribute("class")
        browser.wait_text(".reason", "Not a directory")


def test_plain_stream_in_an_image():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port, "/api/v1/cameras/front/stream.mjpg", loads=False) as browser:
        wait_for(lambda: browser.run("return document.images[0]?.naturalWidth") == 1280, 10, "a picture")
        first = wait_for(lambda: marks.read(browser.screenshot("img"), size=(1280, 720)), 5, "marks")
        wait_for(lambda: (marks.read(browser.screenshot("img"), size=(1280, 720)) or first)[0] > first[0], 5, "the picture to move")


def test_phone_and_dark():
    with Zoetrope(CONFIG) as zoe, Browser(zoe.port, width=500, height=900) as browser:
        ground = "return getComputedStyle(document.documentElement).backgroundColor"
        browser.wait_pictures(2)
        browser.run("document.body.style.width = '360px'")  # narrower than the narrowest window
        assert browser.run("return document.querySelector('main').scrollWidth") <= 360
        light = browser.run(ground)
        browser.scheme("dark")
        dark = browser.run(ground)
        fetched = browser.run("return performance.getEntriesByType('resource').map(e => new URL(e.name).host)")
        assert set(fetched) <= {f"127.0.0.1:{zoe.port}", ""}, fetched
        assert not browser.complaints(), browser.complaints()
    assert light != dark


def test_token():
    token = "correct-horse_42"
    config = {**CONFIG, "preview": {"token": token}}
    with Zoetrope(config, ready=False) as zoe:
        def answers():
            try:
                return http.request(zoe.port, "GET", "/healthz")[0] == 200
            except OSError:
                return False
        wait_for(answers, 10, "preview to answer")
        with Browser(zoe.port, f"/?token={token}") as browser:
            browser.wait_pictures(5)
            assert token not in browser.driver.current_url
            assert token not in browser.run("return document.cookie")


def test_more_cameras_than_a_browser_has_connections():
    names = [f"camera{number}" for number in range(7)]
    cameras = {name: {"source": "test:", "width": 320, "height": 180, "fps": 10} for name in names}
    with Zoetrope({"cameras": cameras, "preview": {}}) as zoe, Browser(zoe.port) as browser:
        for name in names:
            wait_for(lambda name=name: browser.pictures(name) >= 3, 20, f"pictures of {name}")
        browser.find(f".tile[data-camera={names[6]}]").click()
        switch = browser.find(f".camera[data-camera={names[6]}] .switch[data-verb=preview]")
        switch.click()
        wait_for(lambda: switch.get_attribute("data-actual") == "false", 5, "a switch to work beside the streams")
