# SPDX-License-Identifier: Apache-2.0
"""The preview role alone, with a publisher of colour bars and boxes (publish_test.c) in place of camera and detector."""
import os
import re
import subprocess

from support import http
from support.wait import wait_for

BUILD = os.environ["ZOETROPE_BUILD"]
PREVIEW = os.path.join(BUILD, "roles", "zoetrope-preview")
PUBLISHER = os.path.join(BUILD, "tests", "publish_test")
FIRST_BOX, SECOND_BOX = (0.25, 0.25, 0.25, 0.5), (0.625, 0.5, 0.25, 0.25)  # Person and Car, x y w h


class Publisher:
    def __init__(self, topic="front", width=1280, height=720, fps=30, mode=""):
        self.command = [PUBLISHER, topic, str(width), str(height), str(fps), mode]

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(5)


class Preview:
    """zoetrope-preview on a free port."""

    def __init__(self, *arguments, cameras="front", listen="127.0.0.1:0"):
        self.command = [PREVIEW, "--listen", listen, "--cameras", cameras, *arguments]
        self.log_path = os.path.abspath(f"preview-{http.free_port()}.log")

    def log(self):
        with open(self.log_path, encoding="utf-8") as stream:
            return stream.read()

    def address(self):
        assert self.process.poll() is None, f"preview ended: {self.log()}"
        return re.search(r"listening on http://(.*):(\d+)/", self.log())

    def __enter__(self):
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        self.port = int(wait_for(self.address, 5, "preview to listen")[2])
        return self

    def __exit__(self, kind, *_):
        if kind:
            print(self.log())
        self.process.terminate()
        assert self.process.wait(5) == 0 or kind, self.log()

    def state(self, camera="front"):
        return http.get_json(self.port, "/api/v1/state")["cameras"][camera]

    def metrics(self, camera="front"):
        return self.state(camera)["metrics"]["preview"]

    def stream(self, camera="front", query=""):
        return http.Stream(self.port, camera, query)

    def snapshot(self, query="", camera="front"):
        """(headers, bytes)"""
        status, headers, body = http.request(self.port, "GET", f"/api/v1/cameras/{camera}/snapshot.jpg{query}")
        assert status == 200, (status, body)
        return headers, body

    def wait_unwatched(self, camera="front"):
        wait_for(lambda: self.metrics(camera)["viewers"] == 0, 5, "viewers to be gone")

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stream:
            fields = stream.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
