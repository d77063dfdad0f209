# SPDX-License-Identifier: Apache-2.0
"""The camera gst:PIPELINE: what a pipeline gives is on the topic, filled in place; what goes wrong in it is a sentence."""
import subprocess

from support.camera import Camera, Reader, run, topic
from support.gst import APPSINK, Pipeline
from support.wait import wait_for
from support.zoetrope import PROGRAM

BALL = "videotestsrc pattern=ball {} ! video/x-raw,format={},width=320,height=240,framerate=25/1"


def test_pictures_are_the_pipelines():
    """Frame n of the topic is picture n of the pipeline, in the formats that it gives."""
    for name, fourcc in (("I420", "YU12"), ("NV12", "NV12"), ("YUY2", "YUYV"), ("RGB", "RGB3"), ("GRAY8", "GREY")):
        source = BALL.format("num-buffers=60", name)
        with Pipeline(f"{source} ! {APPSINK}") as plain:
            wanted = [frame.md5 for frame in plain.begin().frames(60)]
        with Camera(f"gst:{source}") as camera:
            frames = camera.frames(8)
        assert {frame["format"] for frame in frames} == {fourcc}
        assert [frame["md5"] for frame in frames] == [wanted[frame["seq"]] for frame in frames], name


def test_written_in_slots():
    """The pipeline's last element holds a loaned slot nearly all the time: that is what it draws the next picture into."""
    with Camera("gst:" + BALL.format("is-live=true", "I420")) as camera:
        camera.frames(3)
        looks = [topic()["loaned"] for _ in range(30)]
        assert sum(loaned > 0 for loaned in looks) > 10, looks
        camera.turn(False)
        wait_for(lambda: topic()["loaned"] == 0, 20, "slots to come back")
    with Camera("gst:" + BALL.format("is-live=true", "I420"), mask="0 0 0.5 0.5") as camera:
        camera.frames(3)
        looks = [topic()["loaned"] for _ in range(30)]
        assert sum(loaned > 0 for loaned in looks) < 10, "a picture that is masked was in shared memory before"


def test_jpeg():
    """JPEG stays JPEG, and each of them is whole."""
    with Camera("gst:" + BALL.format("is-live=true", "I420") + " ! jpegenc") as camera:
        assert {frame["format"] for frame in camera.frames(5)} == {"MJPG"}
        with subprocess.Popen([PROGRAM, "cat", "--raw", "--frames=10", "front"], stdout=subprocess.PIPE) as cat:
            read = subprocess.run(["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", "-", "-f", "framemd5", "-"], stdin=cat.stdout,
                                  capture_output=True, text=True, timeout=50)
            cat.stdout.close()
    sums = [line.split()[-1] for line in read.stdout.splitlines() if not line.startswith("#")]
    assert len(sums) == 10 and not read.stderr


def test_end():
    """A pipeline that ends is off; one of a live source is begun anew."""
    with Camera("gst:" + BALL.format("num-buffers=10", "I420")) as camera:
        off = camera.wait_state("off")
        assert off["reason"] == "end of file" and topic()["next_seq"] == 10
    with Camera("gst:" + BALL.format("num-buffers=10 is-live=true", "I420")) as camera:
        reader = Reader(1000)
        camera.receive(lambda message: "has ended its stream" in message.get("reason", ""))
        wait_for(lambda: topic()["next_seq"] > 12, 20, "it to begin again")
        reader.kill()


def test_size_changes():
    """What the pipeline gives may change while it runs; frames say what they are."""
    source = ("gst:videotestsrc num-buffers=40 ! video/x-raw,width=320,height=240,framerate=25/1 ! c. "
              "videotestsrc num-buffers=40 ! video/x-raw,width=640,height=480,framerate=25/1 ! c. concat name=c")
    with Camera(source) as camera:
        reader = Reader(1000)
        sizes = set()
        while (640, 480) not in sizes:
            frame = reader.next()
            sizes.add((frame["width"], frame["height"]))
        reader.kill()
        assert camera.wait_state("off")
    assert (640, 480) in sizes


WRONG = {
    "": "is empty; wanted gst:PIPELINE",
    "nosuch ! identity": 'cannot be built: no element "nosuch"',
    "videotestsrc ! ! identity": "cannot be understood: syntax error",
    "videotestsrc nosuch=1": 'cannot be understood: no property "nosuch"',
    "videotestsrc ! fakesink": "must end in raw video or JPEG, not in a sink",
    "audiotestsrc": "must end in raw video or JPEG, not in a sink",
    "videotestsrc ! video/x-raw,format=BGRx": "videoconvert at its end makes raw video",
}


def test_wrong_pipelines():
    """Those that can never work end the camera at once."""
    for text, sentence in WRONG.items():
        done = run("gst:" + text)
        print(done.stderr)
        assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1, text
    done = run("gst:videotestsrc ! jpegenc", mask="0 0 1 1")
    assert done.returncode == 1 and "put jpegdec at its end" in done.stderr


def test_what_may_come_is_tried_again():
    for text, sentence in {"v4l2src device=/dev/video99": "failed in v4l2src", "videotestsrc num-buffers=0": "before it gave a picture",
                           "filesrc location=none ! decodebin": "failed in filesrc"}.items():
        with Camera("gst:" + text) as camera:
            assert sentence in camera.wait_state("retrying")["reason"], text


def test_no_login_is_shown():
    with Camera("gst:rtspsrc location=rtsp://me:se/cr@et@127.0.0.1:1/x user-id=me user-pw=\"se cret\" ! decodebin") as camera:
        state = camera.wait_state("retrying")
        log = camera.stop()
    print(state["reason"], log)
    assert "rtspsrc" in state["reason"]
    for secret in ("se/cr", "et@", "se cret", "me:"):
        assert secret not in state["reason"] and secret not in log
