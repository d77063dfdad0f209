# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium on a page, through Debian's chromedriver."""
import base64
import io
import os
import tempfile

import numpy
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from support.wait import wait_for

FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync --force-device-scale-factor=1").split()


class Browser:
    """Opens `path` of a server on 127.0.0.1."""

    def __init__(self, port, path="/", width=1280, height=1000, flags=(), loads=True):
        self.address = f"http://127.0.0.1:{port}{path}"
        self.profile = tempfile.TemporaryDirectory(dir=os.getcwd(), ignore_cleanup_errors=True)
        self.options = Options()
        for flag in (*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={self.profile.name}", *flags):
            self.options.add_argument(flag)
        self.options.page_load_strategy = "normal" if loads else "none"  # a bare stream never ends to load
        self.options.set_capability("goog:loggingPrefs", {"browser": "ALL"})

    def __enter__(self):
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=self.options)
        try:
            self.driver.get(self.address)
        except BaseException:
            self.driver.quit()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind:
            print("console:", *self.driver.get_log("browser"), sep="\n  ")
            self.driver.save_screenshot("failed.png")
        self.driver.quit()
        self.profile.cleanup()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def scheme(self, name):
        """What the user likes, "light" or "dark"."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})
        wait_for(lambda: self.run("return matchMedia(`(prefers-color-scheme: ${arguments[0]})`).matches", name), 10, name)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent", selector)

    def canvas(self, camera="front"):
        """The data attributes of a camera's canvas; {} while there is none."""
        return self.run("return {...document.querySelector(`canvas[data-camera=${arguments[0]}]`)?.dataset}", camera)

    def pictures(self, camera="front"):
        return int(self.canvas(camera).get("pictures", 0))

    def wait_pictures(self, more=5, camera="front", seconds=15):
        """Wait for so many more pictures to be shown."""
        before = self.pictures(camera)
        wait_for(lambda: self.pictures(camera) >= before + more, seconds, f"{more} more pictures of {camera}")

    def wait_text(self, selector, part, seconds=10):
        wait_for(lambda: part in (self.text(selector) or ""), seconds, f"{part!r} in {selector}")

    def canvas_pixels(self, camera="front"):
        """(data attributes, RGB [height][width][3]) of one and the same picture."""
        data, url = self.run("""const canvas = document.querySelector(`canvas[data-camera=${arguments[0]}]`);
                                return [{...canvas.dataset}, canvas.toDataURL("image/png")]""", camera)
        return data, pixels_of_url(url)

    def screenshot(self, selector=None):
        """RGB of the window, or of an element in it."""
        png = self.find(selector).screenshot_as_png if selector else self.driver.get_screenshot_as_png()
        return pixels(png)

    def complaints(self):
        """What the console got, but for the page's own word that a connection was lost."""
        return [line for line in self.driver.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]


def pixels(png):
    return numpy.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def pixels_of_url(url):
    return pixels(base64.b64decode(url.split(",", 1)[1]))
