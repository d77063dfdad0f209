# SPDX-License-Identifier: Apache-2.0
"""The camera gst:PIPELINE: what a pipeline gives is on the topic, filled in place; what goes wrong in it is a sentence."""
import subprocess

import numpy
from support.camera import Camera, Reader, run, topic
from support.gst import APPSINK, Pipeline, md5
from support.jpeg import check_decoding_ends, check_preview_passes, read_pairs
from support.wait import wait_for
from support.zoetrope import Zoetrope

JPEGS = "gst:multifilesrc location=still%d.jpg start-index=1 stop-index=5 loop=true caps=image/jpeg,framerate=25/1 ! jpegparse"
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


def pictures():
    """Bytes of the JPEGs that JPEGS plays."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360", "-frames:v", "5", "still%d.jpg"],
                   check=True, timeout=60)
    found = []
    for number in range(1, 6):
        with open(f"still{number}.jpg", "rb") as stream:
            found.append(stream.read())
    return found


def metrics(camera, wanted):
    return camera.receive(lambda m: m["type"] == "state" and wanted(m["metrics"]))["metrics"]


def test_jpeg():
    """It is a topic of its own, byte for byte; pixels are decoded only for those who read them."""
    sent = {md5(picture) for picture in pictures()}
    with Camera(JPEGS) as camera:
        jpegs = Reader(15, "front/jpeg").wait()
        assert {f["md5"] for f in jpegs} == sent
        assert {(f["format"], f["width"], f["height"], f["frame"]) for f in jpegs} == {("MJPG", 640, 360, -1)}
        seconds = (jpegs[-1]["capture_ns"] - jpegs[0]["capture_ns"]) / 1e9
        assert seconds > 0.5, f"14 steps of 0.04 s took {seconds} s: without times of their own they come at the rate of the caps"
        told = metrics(camera, lambda m: m["captured"] >= 15)
        assert (told["published"], told["jpeg"], topic()["next_seq"]) == (0, True, 0), told
        pixels, jpegs = Reader(100000, raw="raw"), Reader(100000, "front/jpeg")
        read_pairs(pixels, jpegs, 10)
        check_decoding_ends(pixels, jpegs)
    assert {(f["format"], f["width"], f["height"], f["range"]) for f in pixels.first} == {("YU12", 640, 360, 2)}
    ffmpeg = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", "still%d.jpg", "-f", "rawvideo", "-"], check=True, capture_output=True,
                            timeout=60).stdout
    size = 640 * 360 * 3 // 2
    decoded = numpy.frombuffer(ffmpeg, numpy.uint8).reshape(-1, size).astype(int)
    with open("raw", "rb") as stream:
        got = numpy.frombuffer(stream.read(size), numpy.uint8).astype(int)
    assert min(abs(one - got).max() for one in decoded) <= 4  # two decoders, which round in their own ways


def test_jpeg_in_the_preview():
    sent = set(pictures())
    with Zoetrope({"cameras": {"front": {"source": JPEGS}}, "preview": {}}) as zoe:
        check_preview_passes(zoe, sent)


def test_jpeg_that_is_changed():
    """Size, format, crop and mask hold for it, too, and then nothing is passed on; fewer of them still are JPEG."""
    pictures()
    for options, wanted in (({"width": 320}, (320, 180, "YU12")), ({"crop": "0.5 0 0.5 1", "mask": "0 0 1 1"}, (320, 360, "YU12")),
                            ({"width": 320, "height": 240, "format": "NV12", "fps": 10}, (320, 240, "NV12"))):
        with Camera(JPEGS, **options) as camera:
            frames = camera.frames(3, raw="raw")
            assert topic("front/jpeg") is None, options
        assert {(f["width"], f["height"], f["format"]) for f in frames} == {wanted}, options
        if "mask" in options:
            with open("raw", "rb") as stream:
                assert set(stream.read(320 * 360)) == {0}, "something is left of a picture that is masked altogether"
    with Camera(JPEGS, fps=5):
        frames = Reader(6, "front/jpeg").wait()
    seconds = (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9
    assert seconds > 0.9, f"5 steps of 0.2 s took {seconds} s"


def test_damaged_jpeg_is_passed_over():
    """What is no JPEG, and what cannot be decoded."""
    good = pictures()
    for number, data in ((2, b"no picture" * 1000), (3, good[0][:700])):
        with open(f"still{number}.jpg", "wb") as stream:
            stream.write(data)
    with Camera(JPEGS.replace(" ! jpegparse", "").replace("25/1", "25/1,width=640,height=360")) as camera:
        frames = camera.frames(8)
        assert metrics(camera, lambda m: m["published"] >= 8)["losses"] == 0
    assert len({f["md5"] for f in frames}) <= 4


STILL = ("multifilesrc location=still.png loop=true caps=image/png,framerate=25/1 ! pngdec ! videoconvert ! video/x-raw,format={} ! "
         "taginject tags=image-orientation={}")


def still():
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "testsrc2=size=322x180", "-frames:v", "1", "still.png"], check=True,
                   timeout=60)


def test_upright():
    """All positions that tags speak of, as GStreamer's own element turns them, byte for byte."""
    still()
    seen = set()
    for position in [f"{flip}rotate-{degrees}" for flip in ("", "flip-") for degrees in (0, 90, 180, 270)]:
        source = STILL.format("I420", position)
        with Pipeline(f"{source} ! videoflip video-direction=auto ! {APPSINK}") as turned:
            wanted = turned.begin().frame().md5
        with Camera(f"gst:{source}") as camera:
            frames = camera.frames(2)
            log = camera.stop()
        across = position.endswith("90") or position.endswith("270")
        assert {(f["width"], f["height"]) for f in frames} == {(180, 322) if across else (322, 180)}, position
        assert {f["md5"] for f in frames} == {wanted}, position
        assert ("it is turned by" in log) == (position != "rotate-0"), log
        seen.add(wanted)
    assert len(seen) == 8


def test_upright_and_changed():
    """Crop, size and format hold for the picture as it is seen; what the pipeline turned itself is not turned again."""
    still()
    with Camera("gst:" + STILL.format("RGB", "rotate-90"), crop="0 0.5 1 0.5", width=90, format="NV12") as camera:
        assert {(f["width"], f["height"], f["format"]) for f in camera.frames(2)} == {(90, 82, "NV12")}
    with Camera("gst:" + STILL.format("I420", "rotate-90") + " ! videoflip video-direction=auto") as camera:
        assert {(f["width"], f["height"]) for f in camera.frames(2)} == {(180, 322)}
        assert "it is turned" not in camera.stop()


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
    "fakesrc": "gives something else than raw video of a known format or JPEG",
}


def test_wrong_pipelines():
    """Those that can never work end the camera at once."""
    for text, sentence in WRONG.items():
        done = run("gst:" + text)
        print(done.stderr)
        assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1, text


def test_what_may_come_is_tried_again():
    for text, sentence in {"v4l2src device=/dev/video99": "failed in v4l2src", "videotestsrc num-buffers=0": "before it gave a picture",
                           "filesrc location=none ! decodebin": "failed in filesrc"}.items():
        with Camera("gst:" + text) as camera:
            assert sentence in camera.wait_state("retrying")["reason"], text


def test_the_same_failure_is_the_same_sentence():
    """GStreamer numbers its elements anew at each attempt: with the number the log would have a line for each of them."""
    for text, who in {"filesrc location=none ! decodebin": "filesrc", "filesrc location=none name=mine ! decodebin": "mine"}.items():
        with Camera("gst:" + text) as camera:
            assert f" failed in {who}: " in camera.wait_state("retrying")["reason"], text


def test_no_login_is_shown():
    with Camera("gst:rtspsrc location=rtsp://me:se/cr@et@127.0.0.1:1/x user-id=me user-pw=\"se cret\" ! decodebin") as camera:
        state = camera.wait_state("retrying")
        log = camera.stop()
    print(state["reason"], log)
    assert "rtspsrc" in state["reason"]
    for secret in ("se/cr", "et@", "se cret", "me:"):
        assert secret not in state["reason"] and secret not in log
