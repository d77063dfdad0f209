# SPDX-License-Identifier: Apache-2.0
"""HTTP: a login, a page that is not there, a film that is played at its own pace."""
import base64
import functools
import http.server
import threading
import time

import clips
from sources import Handler, StillHandler
from support.camera import Camera
from support.wait import promised

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
        self.server.ending, self.server.pictures, self.server.asked = threading.Event(), self.pictures, []
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


def stills(count, size="320x180"):
    clips.make("still%d.jpg", "-pix_fmt", "yuvj420p", size=size, frames=count)
    pictures = []
    for number in range(1, count + 1):
        with open(f"still{number}.jpg", "rb") as stream:
            pictures.append(stream.read())
    return pictures


def test_one_picture_is_fetched_again_and_again():
    """Each frame is a new picture, as often as is wanted and no oftener."""
    server = Server(StillHandler, stills(5))
    wanted = [clips.md5s(f"still{number}.jpg")[0] for number in range(1, 6)]
    with server as address, Camera(f"http://{address}/snapshot.jpg?password=S3cret", fps=10) as camera:
        frames = camera.frames(12)
        assert camera.wait_state("streaming")["metrics"]["fps_wanted"] == 10
        log = camera.stop()
        asked = server.server.asked
    clips.check_order(frames, wanted)
    assert "one picture at a time, fetched 10 times a second" in log and "S3cret" not in log
    assert asked[11] - asked[1] > 0.9, "asked oftener than wanted"


def test_one_picture_by_a_login():
    class Both(LoginHandler, StillHandler):
        """First the login, then the picture."""
    with Server(Both, stills(2)) as address, Camera(f"http://{LOGIN}@{address}/video", fps=20) as camera:
        assert len(camera.frames(4)) == 4
        assert "S3cret" not in camera.stop()


def test_pictures_that_are_cut_short_and_of_another_size():
    """One that the camera was just writing is passed over; another size is followed."""
    small, large = stills(2), stills(2, "640x360")
    pictures = [small[0], small[1], small[0][:len(small[0]) // 2], large[0], large[1][:200], large[1], small[0]]
    with Server(StillHandler, pictures) as address, Camera(f"http://{address}/a.jpg", fps=20) as camera:
        frames = camera.frames(15)
        assert camera.next_state()["metrics"]["losses"] == 0
    sizes = [f["width"] for f in frames]
    assert {320, 640} == set(sizes) and "6432" in "".join(str(size)[:2] for size in sizes)


def test_picture_server_that_goes_away():
    server = Server(StillHandler, stills(2))
    with server as address, Camera(f"http://{address}/a.jpg", fps=10) as camera:
        camera.frames(3)
        server.server.pictures = [b""]
        assert camera.wait_state("retrying")["reason"]
        server.server.pictures = stills(2)
        began = time.monotonic()
        camera.wait_state("streaming")
        promised("back", time.monotonic() - began, 2.0)


class Shy(Handler):
    """Answers, sends pictures that need one which it does not send, and hangs up; until it is told to be a camera."""

    def do_GET(self):
        if self.server.asked:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.send_header("Connection", "close")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with open("a.ts", "rb") as stream:
            data = stream.read()
        data = data[len(data) // 188 // 2 * 188:]
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")


def test_hangs_up_before_the_first_picture():
    """That is a camera to be tried again, not a film that has ended."""
    clips.make("a.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "250", frames=50)
    server = Server(Shy, [picture()])
    with server as address, Camera(f"http://{address}/video") as camera:
        reason = camera.receive(lambda m: m["type"] == "state" and m["reason"])["reason"]
        assert "ended before it gave a picture" in reason and camera.last["state"] == "retrying", camera.last
        server.server.asked.append("be a camera")
        assert camera.wait_state("streaming")["metrics"]["losses"] == 0
