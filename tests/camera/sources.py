# SPDX-License-Identifier: Apache-2.0
"""A source for each camera driver, for tests that hold for all of them. Each can be taken away and brought back.

    for source in every_source():
        with source, Camera(source.uri, **source.options) as camera: ...
"""
import http.server
import os
import shutil
import subprocess
import threading
import time

import clips
from support.rtsp import RtspServer

WIDTH, HEIGHT = 640, 360


class TestPattern:
    name, uri, options = "test", "test:", {"width": WIDTH, "height": HEIGHT, "fps": 25}
    can_vanish = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class File(TestPattern):
    name, uri, options, can_vanish = "file", "file:clip.mp4", {"loop": True}, True
    path = "clip.mp4"

    def __enter__(self):
        clips.make("clip.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", size=f"{WIDTH}x{HEIGHT}", frames=25)
        return self

    def vanish(self):
        shutil.move(self.path, "away")

    def come_back(self):
        shutil.move("away", self.path)


class Images(File):
    name, uri, options, path = "images", "images:pictures", {"loop": True, "fps": 25}, "pictures"

    def __enter__(self):
        os.mkdir("pictures")
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}", "-frames:v",
                        "12", "-start_number", "1", "pictures/%d.jpg"], check=True, timeout=60)
        return self


class Rtsp(RtspServer):
    name, options, can_vanish = "rtsp", {}, True
    vanish, come_back = RtspServer.kill, RtspServer.start

    @property
    def uri(self):
        return super().uri("h264")


class Handler(http.server.BaseHTTPRequestHandler):
    """As most network cameras do it: JPEGs without an end, each with its length."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        try:
            while not self.server.ending.wait(0.04):
                picture = self.server.pictures[number % len(self.server.pictures)]
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
                self.wfile.write(picture + b"\r\n")
                number += 1
        except OSError:
            pass


class StillHandler(Handler):
    """What they have beside it: an address that answers one JPEG, the newest; b"" stands for a camera that cannot just now."""

    def do_GET(self):
        picture = self.server.pictures[len(self.server.asked) % len(self.server.pictures)]
        self.server.asked.append(time.monotonic())
        self.send_response(200 if picture else 503)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(picture)))
        self.end_headers()
        self.wfile.write(picture)


class Http(TestPattern):
    name, options, can_vanish, handler = "http", {}, True, Handler

    def __init__(self):
        self.port = self.server = self.thread = None

    def __enter__(self):
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", f"testsrc2=size={WIDTH}x{HEIGHT}", "-frames:v",
                        "5", "http%d.jpg"], check=True, timeout=60)
        self.port = 0
        self.come_back()
        return self

    @property
    def uri(self):
        return f"http://127.0.0.1:{self.port}/video"

    def come_back(self):
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.port = self.server.server_address[1]
        self.server.daemon_threads = False  # so that server_close() waits for them
        self.server.ending = threading.Event()
        self.server.pictures, self.server.asked = [], []
        for number in range(1, 6):
            with open(f"http{number}.jpg", "rb") as stream:
                self.server.pictures.append(stream.read())
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def vanish(self):
        self.server.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.server = None

    def __exit__(self, *_):
        if self.server:
            self.vanish()


class HttpPicture(Http):
    name, options, handler = "http picture", {"fps": 25}, StillHandler


class GstFile(File):
    name, uri, can_vanish = "gst file", "gst:filesrc location=clip.mp4 ! decodebin", False


class GstHttp(Http):
    name = "gst http"

    @property
    def uri(self):
        return f"gst:souphttpsrc location={super().uri} is-live=true do-timestamp=true ! multipartdemux ! jpegdec"


def every_source():
    return [TestPattern(), File(), Images(), Rtsp(), Http(), HttpPicture(), GstFile(), GstHttp()]
