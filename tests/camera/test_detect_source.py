# SPDX-License-Identifier: Apache-2.0
"""A camera's second stream goes to the detectors, the first one to people; both have one clock."""
import os
import subprocess
import time

from support.camera import Camera, Reader, topic
from support.wait import wait_for
from support.zoetrope import BUILD, Zoetrope


def test_two_streams():
    with Camera("test:", width=1280, height=720, fps=20, **{"detect-source": "test:?format=NV12"}) as camera:
        main, small = Reader(20), Reader(20, name="front/detect")
        first, second = main.wait(), small.wait()
        assert {(f["width"], f["height"], f["format"]) for f in first} == {(1280, 720, "YU12")}
        assert {f["format"] for f in second} == {"NV12"}, "size and format are those of the first only"
        now_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        assert all(0 < now_ns - f["capture_ns"] < 20e9 for f in first + second)
        metrics = camera.receive(lambda m: m["type"] == "state" and m["metrics"]["detect"].get("published"))["metrics"]
        assert metrics["detect"]["format"] == "NV12" and metrics["format"] == "YU12"
        camera.turn(False)
        state = camera.wait_state("off")
        assert state["reason"] == "" and topic()["publishers"] == topic("front/detect")["publishers"] == 1


def test_masked_in_both():
    """What nobody may see, no detector sees."""
    with Camera("test:", width=320, height=240, fps=20, mask="0 0 1 1", **{"detect-source": "test:?format=GREY"}):
        readers = [Reader(2, name=name, raw=name.replace("/", "-")) for name in ("front", "front/detect")]
        main, second = (reader.wait()[0] for reader in readers)
    for raw, frame in (("front", main), ("front-detect", second)):
        with open(raw, "rb") as stream:
            assert set(stream.read(frame["width"] * frame["height"])) == {0 if frame["range"] == 2 else 16}, raw


def test_second_stream_that_is_not_there():
    """People go on seeing; the reason is told."""
    with Camera("test:", fps=20, **{"detect-source": "rtsp://127.0.0.1:9/x"}) as camera:
        state = camera.receive(lambda m: m["type"] == "state" and m["state"] == "streaming" and m["reason"])
        assert state["reason"].startswith("detect_source: rtsp://127.0.0.1:9/x cannot be reached")
        assert len(camera.frames(5)) == 5


def test_second_stream_that_can_never_work():
    """Ends zoetrope run, as the first one does, however soon that one has a picture: with one sentence that says which is meant."""
    for source, words in (("gst:nosuchelement", 'no element "nosuchelement"'), ("file:missing.mp4", "does not exist"), ("rtps:x", "no camera driver")):
        with Zoetrope({"cameras": {"front": {"source": "test:", "detect_source": source}}}, ready=False) as zoe:
            assert zoe.process.wait(20) == 1, source
            log = zoe.log()
        assert "detect_source: " in log and words in log and "starts again" not in log, log


def test_detector_looks_at_the_second():
    config = {"cameras": {"front": {"source": "test:", "width": 1280, "height": 720, "fps": 20, "detect_source": "images:small"},
                          "back": {"source": "test:", "fps": 5}},
              "detectors": {"objects": {"engine": "slow", "model": "5", "cameras": ["front", "back"], "max_fps": 5}}}
    os.mkdir("small")
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x180", "-frames:v", "3",
                    "small/%d.png"], check=True, timeout=60)
    config["cameras"]["front"]["loop"] = True
    plugins = {"ZOETROPE_DETECTOR_PATH": os.path.join(BUILD, "tests")}
    with Zoetrope(config, environment=plugins) as zoe:
        def results():
            cameras = zoe.state()["cameras"]
            return all(cameras[name]["metrics"]["detectors"]["objects"].get("results", 0) > 2 for name in cameras)
        wait_for(results, 20, "results of both cameras")
        reader = subprocess.run([os.path.join(BUILD, "tests", "print_detections"), "front/detections", "2", "10"], capture_output=True, text=True,
                                timeout=20)
        print(reader.stdout, reader.stderr)
        assert '"width": 320' in reader.stdout
