# SPDX-License-Identifier: Apache-2.0
"""The page with many cameras, many viewers, a lost camera; its charts, tables, keys, boxes in step; for everybody to use."""
# limit: 240 s
import json
import re
import signal
import socket
import threading
import time

from selenium.webdriver.common.keys import Keys

from support import http, marks, wait_for
from support.axe import violations
from support.browser import Browser
from support.preview import Preview, Publisher
from support.zoetrope import Zoetrope

SMALL = {"source": "test:", "width": 320, "height": 180, "fps": 10}
FRONT = {"source": "test:", "width": 1280, "height": 720, "fps": 30}


def config(count, **more):
    return {"cameras": {f"camera{number}": SMALL for number in range(count)}, "preview": {}, **more}


def press(browser, *keys):
    browser.find("body").send_keys(*keys)


def chosen(browser):
    return browser.run("return document.querySelector('.camera')?.dataset.camera")


def test_twelve_cameras_in_two_tabs():
    names = [f"camera{number}" for number in range(12)]
    with Zoetrope(config(12)) as zoe, Browser(zoe.port) as browser:
        first = browser.driver.current_window_handle
        browser.driver.switch_to.new_window("window")
        browser.driver.get(browser.address)
        for tab in (browser.driver.current_window_handle, first):
            browser.driver.switch_to.window(tab)
            for name in names:
                wait_for(lambda name=name: browser.pictures(name) >= 3, 60, f"pictures of {name}")
            switch = browser.find(".camera .switch[data-verb=save]")
            wait_for(switch.is_enabled, 20, "the switch")
            switch.click()
            wait_for(lambda: switch.get_attribute("aria-busy") is None, 20, "the switch to be answered beside the streams of both tabs")
            assert len(browser.run("return document.querySelectorAll('.tile')")) == 12
        viewers = {name: zoe.state()["cameras"][name]["metrics"].get("preview", {}).get("viewers") for name in names}
        print(f"measured: viewers {viewers}")
        assert viewers["camera11"] <= 4


def test_choosing_a_camera():
    with Zoetrope({"cameras": {"one": SMALL, "two": FRONT, "three": SMALL}, "preview": {}}) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(3, "one", 60)
        assert chosen(browser) == "one" and browser.find("#tiles").is_displayed()
        browser.find(".tile[data-camera=two]").click()
        wait_for(lambda: browser.run("return document.querySelector('.camera canvas').width") == 1280, 20, "the large picture in full size")
        _, picture = browser.canvas_pixels("two")
        assert marks.read(picture, size=(1280, 720)), "the large picture is not as the camera made it"
        assert browser.run("return document.querySelector('.tile[data-camera=two]').getAttribute('aria-pressed')") == "true"
        browser.driver.refresh()
        browser.wait_pictures(3, "two", 60)
        assert chosen(browser) == "two", "the choice does not survive a reload"
        for key, name in (("3", "three"), (Keys.ARROW_RIGHT, "one"), (Keys.ARROW_LEFT, "three"), ("1", "one"), ("9", "one")):
            press(browser, key)
            wait_for(lambda name=name: chosen(browser) == name, 10, f"{name} after {key!r}")
        for wanted in ("screen", None):
            press(browser, "f")
            wait_for(lambda wanted=wanted: browser.run("return document.fullscreenElement?.className.split(' ')[0]") == wanted, 10, f"full screen: {wanted}")
        assert not browser.complaints(), browser.complaints()


def test_boxes_in_step():
    """exact: every picture that is shown has the boxes of its own frame, where the square was."""
    with Publisher(), Preview() as preview, Browser(preview.port) as browser:
        wait_for(lambda: browser.canvas().get("boxes") == "2", 60, "two boxes")
        press(browser, "b")
        assert browser.run("return document.querySelector('#boxes').value") == "exact"
        before = browser.pictures()
        wait_for(lambda: browser.pictures() > before + 3, 30, "pictures with results of their own")
        seen = set()

        def in_step():
            data = browser.canvas()
            assert data["sequence"] == data["resultSequence"] and float(data["resultAge"]) == 0 and data["boxes"] == "2", data
            seen.add(data["sequence"])
            return len(seen) >= 10
        wait_for(in_step, 30, "ten pictures in step")
        press(browser, "b")
        wait_for(lambda: browser.canvas()["boxes"] == "0", 10, "boxes to be off")
        browser.driver.refresh()
        browser.wait_pictures(3, seconds=60)
        assert browser.run("return document.querySelector('#boxes').value") == "off", "the choice does not survive a reload"


def test_boxes_of_two_detectors_in_step():
    """The second one's results come three frames later: pictures wait for them, and do not when it gives none any more."""
    with Publisher(mode="two") as publisher, Preview() as preview, Browser(preview.port) as browser:
        wait_for(lambda: browser.canvas().get("boxes") == "2", 60, "two boxes")
        press(browser, "b")
        seen = {}

        def in_step():
            data = browser.canvas()
            if data["sequence"] == data["resultSequence"]:
                seen[data["sequence"]] = data["boxes"]
            return len(seen) >= 8
        wait_for(in_step, 60, "eight pictures in step")
        boxes = list(seen.values())[2:]  # the first ones may be from before
        assert boxes.count("2") == len(boxes), f"boxes of pictures in step: {seen}"
        publisher.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: (data := browser.canvas())["boxes"] == "1" and data["sequence"] == data["resultSequence"], 60, "boxes of the one that is left")


def test_boxes_in_step_without_results():
    """Or with results that belong to other frames of the same numbers, those of detect_source."""
    with Preview() as preview, Browser(preview.port) as browser:
        with Publisher(mode="nodetections"):
            browser.wait_pictures(3, seconds=60)
            press(browser, "b")
            before = browser.pictures()
            wait_for(lambda: browser.pictures() > before + 20, 30, "pictures, although none has a result")
        with Publisher(mode="other"):
            before = browser.pictures()
            wait_for(lambda: browser.pictures() > before + 20, 30, "pictures, although none has a result of its own")
            assert browser.canvas()["boxes"] == "0"
            press(browser, "b", "b")
            wait_for(lambda: browser.canvas()["boxes"] == "2", 30, "the newest boxes")


def test_lost_camera_shows():
    quiet = "return document.querySelector('.camera .message').hidden"
    with Publisher() as publisher, Preview() as preview, Browser(preview.port) as browser:
        browser.wait_pictures(3, seconds=60)
        wait_for(lambda: browser.run(quiet), 10, "no message while pictures come")
        publisher.kill()
        browser.wait_text(".camera .message", "Waiting for a picture", 30)
        assert browser.run("return document.querySelector('.camera .screen').classList.contains('stale')")
        with Publisher():
            browser.wait_pictures(3, seconds=30)
            wait_for(lambda: browser.run(quiet), 10, "the message to go")


def test_camera_that_never_came_says_why_once():
    port = http.free_port()
    with Zoetrope({"cameras": {"front": {"source": f"rtsp://127.0.0.1:{port}/x"}}, "preview": {}}, ready=False) as zoe:
        zoe.wait_answers(60)
        with Browser(zoe.port) as browser:
            browser.wait_text(".reason", "nobody listens there", 60)
            assert browser.text(".reason").count("nobody listens there") == 1, browser.text(".reason")
            assert browser.text(".camera .message") != "Capture is off", "it is wanted, and not there"


def test_switches_survive_a_reload():
    marks.replay("square.jsonl", 100, 1280, 720)
    detectors = {"planted": {"engine": "replay", "model": "./square.jsonl", "cameras": ["front"]}}
    turned = (("save", True), ("detect", False), ("capture", False), ("preview", False))
    with Zoetrope({"cameras": {"front": FRONT}, "detectors": detectors, "preview": {}, "save": {"folder": "stills", "every": 1000}}) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(2, seconds=60)
        wait_for(lambda: browser.find(".switch[data-verb=detect]").get_attribute("data-actual") == "true", 20, "the detector")
        for verb, on in turned:
            switch = browser.find(f".switch[data-verb={verb}]")
            wait_for(switch.is_enabled, 10, "the switch")
            switch.click()
            wait_for(lambda switch=switch, on=on: switch.get_attribute("data-actual") == str(on).lower(), 20, f"{verb} to be turned")
        browser.driver.refresh()
        for verb, on in turned:
            state = "return [...document.querySelectorAll(`.switch[data-verb=${arguments[0]}]`)].map(b => b.getAttribute('aria-checked') + b.dataset.actual)"
            wait_for(lambda verb=verb, on=on: browser.run(state, verb) == [2 * str(on).lower()], 20, f"{verb} as it was before the reload")


def test_fifty_viewers_and_some_that_stop_reading():
    """The page shows fresh pictures beside fifty others, a fifth of whom read nothing any more."""
    with Zoetrope({"cameras": {"front": {**FRONT, "fps": 10}}, "preview": {}}) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(3, seconds=60)
        stalled = [socket.create_connection(("127.0.0.1", zoe.port)) for _ in range(10)]
        for viewer in stalled:
            viewer.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert viewer.recv(100)
        streams, over = [http.Stream(zoe.port, "front") for _ in range(40)], threading.Event()
        counts = [0] * len(streams)

        def read(number):
            for _ in streams[number]:
                counts[number] += 1
                if over.is_set():
                    return
        threads = [threading.Thread(target=read, args=(number,), daemon=True) for number in range(len(streams))]
        for thread in threads:
            thread.start()
        wait_for(lambda: min(counts) >= 20, 60, "20 pictures for each of 40 viewers")
        browser.wait_pictures(20, seconds=60)
        age = wait_for(lambda: (age := time.monotonic() - float(browser.canvas()["captureTime"])) < 1 and age, 20, "a fresh picture on the page")
        preview = zoe.state()["cameras"]["front"]["metrics"]["preview"]
        print(f"measured: page {age:.3f} s behind beside {preview['viewers'] - 1} viewers, {min(counts)} to {max(counts)} pictures each")
        assert preview["viewers"] == 51
        over.set()
        for thread in threads:
            thread.join(20)
        for viewer in (*streams, *stalled):
            viewer.close()
        wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"]["preview"]["viewers"] == 1, 30, "the others to be gone")


def test_charts_and_tables():
    marks.replay("square.jsonl", 100, 1280, 720)
    detectors = {"planted": {"engine": "replay", "model": "./square.jsonl", "cameras": ["front"]}}
    with Zoetrope({"cameras": {"front": FRONT}, "detectors": detectors, "preview": {}}) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(20, seconds=60)
        number = """const value = parseFloat(document.querySelector(`[data-series=${arguments[0]}]`).textContent);
                    return Number.isNaN(value) ? -1 : value"""
        wait_for(lambda: browser.run(number, "captured") > 5 and browser.run(number, "shown") > 2, 30, "rates in the legend")
        wait_for(lambda: all(browser.run(number, name) >= 0 for name in ("publish", "wait", "detect", "encode", "send", "show", "show99")), 30,
                 "times in the legend")
        drawn = """const canvas = document.querySelector(arguments[0]), data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
                   return new Set([...Array(data.length / 4).keys()].filter(i => data[4 * i + 3] > 200).map(i => data.slice(4 * i, 4 * i + 3).join())).size"""
        wait_for(lambda: browser.run(drawn, "#chart-latency canvas") >= 4, 30, "areas in the chart of latency")
        spoken = "return document.querySelector('#chart-spread canvas').getAttribute('aria-label')"
        stages = ("published", "taken", "encoded", "sent", "shown", "detected", "in all")
        wait_for(lambda: all(f"{stage} half within" in (browser.run(spoken) or "") for stage in stages), 30, "every stage in the histogram")
        assert browser.run(drawn, "#chart-spread canvas") >= 6, "no bars of the stages' colours in the histogram"
        print("measured: " + browser.run(spoken))
        points = "return Math.max(0, ...JSON.parse(sessionStorage.getItem('history front') ?? '{\"history\": []}').history.map((one) => one.captured ?? 0))"
        assert not browser.find("#tiles").is_displayed(), "a tile beside the only camera"
        browser.driver.refresh()
        assert browser.run(points) > 5, "the charts do not survive a reload"
        wait_for(lambda: browser.run(drawn, "#chart-latency canvas") >= 4, 30, "the areas again")
        browser.wait_text("#topics [data-topic=front]", "camera front", 20)
        browser.wait_text("#topics [data-topic=front]", "preview", 20)
        browser.wait_text("#topics [data-topic=front]", "/s", 20)
        cells = "return [...document.querySelector('#processes [data-process=preview]').cells].map((cell) => cell.textContent).join(' | ')"
        wanted = r"preview \| streaming \| [\d.]+ % \| [\d.]+ MiB \| [\d,-]+ \| \d+ \| 0 \| \d+ (s|min) \| \d+"  # up to cores, threads, restarts, up, PID
        wait_for(lambda: re.fullmatch(wanted, browser.run(cells)), 20, "what the process uses")


def test_everybody_can_use_it():
    """axe-core finds nothing: names, contrast in light and dark, order of headings, keyboard, roles."""
    several = {"cameras": {"front": FRONT, "back": {**SMALL, "capture": False}}, "preview": {}}
    with Zoetrope(several) as zoe, Browser(zoe.port) as browser:
        browser.wait_pictures(3, seconds=60)
        wait_for(lambda: browser.run("return document.querySelector('#topics tbody tr') !== null"), 20, "the tables")
        for scheme, width in (("light", 1280), ("dark", 1280), ("light", 500)):
            browser.scheme(scheme)
            browser.driver.set_window_size(width, 1000)
            wait_for(lambda width=width: browser.run("return outerWidth") == width, 10, "the window's size")
            found = violations(browser)
            assert not found, "\n".join([scheme, str(width), *found])


def test_login_page_can_be_used_by_everybody():
    token = "correct-horse_42"
    with Publisher(), Preview("--token", token) as preview, Browser(preview.port) as browser:
        assert not violations(browser), "\n".join(violations(browser))
        browser.find("#token").send_keys("wrong-token", Keys.ENTER)
        wait_for(lambda: browser.find("#wrong").is_displayed(), 20, "to be told that it was wrong")
        browser.find("#token").send_keys(token, Keys.ENTER)
        browser.wait_pictures(3, seconds=60)
        assert token not in json.dumps([browser.driver.current_url, browser.run("return document.cookie")])
