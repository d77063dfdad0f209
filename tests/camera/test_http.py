# SPDX-License-Identifier: Apache-2.0
"""HTTP: a login, a page that is not there, a film that is played at its own pace."""
import base64
import functools
import http.server
import threading

import clips
from sources import Handler
from support.camera import Camera

LOGIN = "viewer:S3cret"


class LoginHandler(Handler):
    def do_GET(self):
        wanted = "Basic " + base64.b64encode(LOGIN.encode()).decode()
        if self.path != "/video":
            self.send_error(404)
        elif self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            super().do_GET()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Server:
    def __init__(self, handler, pictures=()):
        self.handler, self.pictures = handler, pictures

    def __enter__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self.server.daemon_threads = False
        self.server.ending, self.server.pictures = threading.Event(), self.pictures
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        return f"127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.ending.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def picture():
    with open(clips.make("a.jpg", size="320x180", frames=1), "rb") as stream:
        return stream.read()


def test_login_and_wrong_path():
    with Server(LoginHandler, [picture()]) as address:
        with Camera(f"http://{LOGIN}@{address}/video") as camera:
            assert camera.frames(3)[0]["width"] == 320
            assert "S3cret" not in camera.stop()
        for uri, words in ((f"http://viewer:wrong-S3cret@{address}/video", "refuses the login"),
                           (f"http://{LOGIN}@{address}/other?key=S3cret", "is not there (404)")):
            with Camera(uri) as camera:
                state = camera.wait_state("retrying")
                assert words in state["reason"] and "S3cret" not in str(state) + camera.stop()


def test_film_at_its_own_pace_in_a_loop():
    clips.make("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", size="320x180", fps=20, frames=20)
    wanted = clips.md5s("a.mp4")
    with Server(functools.partial(Quiet, directory=".")) as address, Camera(f"http://{address}/a.mp4", loop=True) as camera:
        frames = camera.frames(45)
    clips.check_order(frames, wanted)
    seconds = (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9
    assert seconds > 2.1, f"44 steps of 0.05 s took {seconds} s"
