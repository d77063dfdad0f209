# SPDX-License-Identifier: Apache-2.0
"""A desktop without a screen (Xvfb), keys pressed on it (xdotool), and what it shows, as pixels."""
import os
import subprocess
import tempfile

import numpy

from support.wait import wait_for


class Desktop:
    """The picture lies in a file that Xvfb writes into: reading it costs the program under test nothing.

    -noreset: else the server begins anew, and drops everybody, when a first look with xdotool was its only client.
    """

    def __init__(self, width=1400, height=900, manager=None):
        self.size, self.manager = f"{width}x{height}x24", manager

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.getcwd())
        read, write = os.pipe()
        self.process = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", self.size, "-fbdir", self.folder.name, "-nolisten", "tcp", "-noreset"],
                                        pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as display:
            self.display = ":" + display.readline().strip()
        assert self.display != ":", "Xvfb has not started"
        self.map()
        if self.manager:
            self.manager = subprocess.Popen([self.manager], env=self.environment, stderr=subprocess.DEVNULL)
            wait_for(lambda: self.xdotool("get_num_desktops").strip(), 30, "the window manager")
        return self

    def map(self):
        """The file is in XWD format: big-endian words, then a table of colours, then rows of pixels B G R x."""
        path = os.path.join(self.folder.name, "Xvfb_screen0")
        head = numpy.fromfile(path, dtype=">u4", count=25)
        width, height, stride = (int(head[at]) for at in (4, 5, 12))
        self.pixels = numpy.memmap(path, mode="r", dtype=numpy.uint8, offset=int(head[0] + 12 * head[19]), shape=(height, stride // 4, 4))[:, :width]

    def __exit__(self, *_):
        for process in filter(None, (self.manager, self.process)):
            process.terminate()
            process.wait(10)
        self.folder.cleanup()

    @property
    def environment(self):
        return {**os.environ, "DISPLAY": self.display, "SDL_VIDEODRIVER": "x11", "SDL_RENDER_DRIVER": "software"}

    def xdotool(self, *arguments):
        done = subprocess.run(["xdotool", *arguments], env=self.environment, capture_output=True, text=True, timeout=20)
        return done.stdout

    def window(self, title):
        """(x, y, width, height) of a window, once it is there; None before."""
        found = self.xdotool("search", "--name", f"^{title}$").split()
        if not found:
            return None
        values = dict(line.split("=") for line in self.xdotool("getwindowgeometry", "--shell", found[-1]).split())
        return tuple(int(values[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")) if "X" in values else None

    def picture(self, title, size=None):
        """RGB of a window; waits until it is there, in this size."""
        def there():
            place = self.window(title)
            return place and (size is None or place[2:] == size) and place
        x, y, width, height = wait_for(there, 30, f"a window {title} of size {size}")
        return self.rgb(x, y, width, height)

    def rgb(self, x, y, width, height):
        return numpy.array(self.pixels[y:y + height, x:x + width, 2::-1]).astype(int)

    def press(self, title, key):
        x, y, width, height = wait_for(lambda: self.window(title), 30, f"a window {title}")
        if self.manager:  # who gives keys to the active window
            wait_for(lambda: self.xdotool("getactivewindow", "getwindowname").strip() == title, 30, f"{title} to be active")
        self.xdotool("mousemove", str(x + width // 2), str(y + height // 2), "key", key)
