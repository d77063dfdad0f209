# SPDX-License-Identifier: Apache-2.0
"""Size, rate and format of a camera are changed while it runs: whoever reads goes on reading, and nothing restarts."""
import json
import os
import time

import clips
from sources import every_source
from support import http
from support.camera import Camera, Reader, run
from support.wait import promised, wait_for
from support.zoetrope import DOMAIN, Zoetrope, program

SETTINGS = "/api/v1/cameras/front/settings"
SECONDS = 2.0  # until there is a frame of the new size; a network camera is asked for its stream anew


def check_unbroken(frames):
    seqs = [f["seq"] for f in frames]
    assert all(b == a + 1 + f["lost"] for a, b, f in zip(seqs, seqs[1:], frames[1:])), seqs


def read_until(reader, wanted):
    began = time.monotonic()
    while not wanted(reader.next()):
        pass
    return time.monotonic() - began


def test_every_driver_changes_its_size():
    """Smaller, so that the slots are large enough; then larger, so that the topic gets another generation."""
    for source in every_source():
        with source, Camera(source.uri, **source.options) as camera:
            reader = Reader(100000)
            reader.next()
            for width, height in ((320, 180), (1280, 720)):
                answer = camera.set(width=width, height=height, format="NV12")
                assert answer.get("error") is None, (source.name, answer)
                assert (answer["actual"], answer["reason"]) == ({"width": width, "height": height, "format": "NV12"}, ""), source.name
                promised(f"{source.name} {width}x{height}", answer["seconds"], SECONDS)
                read_until(reader, lambda f: (f["width"], f["height"], f["format"]) == (width, height, "NV12"))
            assert max(int(name) for name in os.listdir(f"{DOMAIN}/front") if name.isdigit()) > 1, f"{source.name}: no other generation"
            reader.kill()
            check_unbroken(reader.first)
            assert camera.wait_state("streaming")["metrics"]["losses"] == 0, source.name


def test_rate():
    with Camera("test:", width=160, height=120, fps=100) as camera:
        reader = Reader(100000)
        reader.next()
        assert camera.set(fps=5)["actual"] == {"fps": 5}
        frames = [reader.next() for _ in range(5)]
        while (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 4e9 < 0.19:
            frames = [*frames[1:], reader.next()]
        reader.kill()
        check_unbroken(reader.first)


def test_refused_and_nothing_changed():
    with Camera("test:", width=160, height=120, fps=50) as camera:
        for wanted, sentence in (({"fps": "fast"}, "key 'fps': wanted a number from 0 to 1000 (frames per second), found 'fast'"),
                                 ({"width": 100000}, "key 'width': wanted a whole number from 0 to 16384 (pixels), found '100000'"),
                                 ({"format": "JPEG2000"}, "key 'format': wanted one of own|I420"),
                                 ({"witdh": 320}, "Did you mean 'width'?"), ({"exposure": 100}, "test: has no controls"),
                                 ({"width": [1]}, "wanted a number, a text, true or false"), ({}, "wanted a setting, such as fps=10")):
            assert sentence in camera.set(**wanted)["error"], wanted
        frame = camera.frames(1)[0]
        assert (frame["width"], frame["height"]) == (160, 120)


def test_what_the_source_cannot_is_taken_back():
    with Camera("test:", width=160, height=120, fps=50) as camera:
        reader = Reader(100000)
        reader.next()
        assert "makes even sizes from 160x120 to 8192x8192, not 160x90" in camera.set(height=90)["error"]
        sequence = camera.wait_state("streaming")["metrics"]["sequence"]
        read_until(reader, lambda f: f["seq"] > sequence + 3)
        reader.kill()
        check_unbroken(reader.first)
        assert {(f["width"], f["height"]) for f in reader.first} == {(160, 120)}


def test_many_at_once_are_answered_in_order():
    with Camera("test:", width=160, height=120, fps=50) as camera:
        for number in range(1, 6):
            camera.send(type="set", id=1000 + number, camera="front", settings={"width": 160 + 16 * number})
        for number in range(1, 6):
            answer = camera.receive(lambda m: m["type"] == "was_set")
            assert (answer["id"], answer["actual"]) == (1000 + number, {"width": 160 + 16 * number})


def test_while_off():
    with Camera("test:", width=160, height=120, fps=50) as camera:
        camera.frames(1)
        camera.turn(False)
        assert "capture is off" in camera.set(width=320)["reason"]
        camera.turn(True)
        assert camera.frames(1)[0]["width"] == 320


def test_controls_of_a_source_that_has_none():
    done = run("test:", controls="brightness=3")
    assert done.returncode == 1 and "test: has no controls, so 'brightness' cannot be set" in done.stderr
    done = run("test:", controls="brightness")
    assert done.returncode == 1 and "wanted NAME=VALUE, such as exposure=200, found 'brightness'" in done.stderr, done.stderr


def test_ctl_http_and_the_next_life():
    """By ctl and by HTTP; and a camera that is killed is set again."""
    pattern = {"source": "test:", "width": 320, "height": 240, "fps": 20}
    with Zoetrope({"cameras": {"front": pattern}, "preview": {}}) as zoe:
        done = zoe.ctl("front", "set", "width=160", "height=120")
        assert (done.returncode, done.stdout, done.stderr) == (0, "front: width=160 height=120\n", "")
        done = zoe.ctl("--json", "front", "set", "fps=10")
        assert json.loads(done.stdout)["actual"] == {"fps": 10}
        for words, sentence in ((("front", "set", "fps"), "wanted NAME=VALUE, such as fps=10, found 'fps'"),
                                (("front", "set", "fps=x"), "key 'fps': wanted a number"),
                                (("back", "set", "fps=1"), "there is no camera 'back'; there are: front")):
            done = zoe.ctl(*words)
            assert done.returncode and sentence in done.stderr and done.stderr.count("\n") == 1, done
        status, answer = http.put_json(zoe.port, SETTINGS, {"fps": 15})
        assert (status, answer) == (200, {"wanted": {"fps": 15}, "actual": {"fps": 15}, "reason": ""})
        status, answer = http.put_json(zoe.port, SETTINGS, {"fps": -1})
        assert status == 400 and "wanted a number from 0 to 1000" in answer["error"]
        status, answer = http.put_json(zoe.port, SETTINGS, [1])
        assert status == 400 and "an object of settings" in answer["error"]
        wanted = {"width": "160", "height": "120", "fps": 15}
        wait_for(lambda: zoe.get(SETTINGS) == wanted, 10, "preview to hear of it")
        zoe.kill("camera front")
        wait_for(lambda: zoe.process_state("camera front").get("restarts") == 1 and zoe.state()["cameras"]["front"]["metrics"]
                 .get("camera", {}).get("width") == 160, 20, "the next life to be set")


def test_away_is_not_wrong():
    """Who asks for what a camera has not is told so (400); that it is away (503) is no fault of theirs, and passes."""
    away = {"network": f"rtsp://127.0.0.1:{http.free_port()}/x", "device": "v4l2:/dev/video77", "film": "file:a.mkv"}
    clips.make("a.mkv", "-c:v", "ffv1", frames=5)
    cameras = {name: {"source": source, "loop": True} for name, source in away.items()}
    with Zoetrope({"cameras": {**cameras, "there": {"source": "test:", "width": 160, "height": 120}}, "preview": {}}, ready=False) as zoe:
        zoe.wait_answers()
        wait_for(lambda: zoe.process_state("camera film").get("state") == "streaming", 20, "the film")
        os.rename("a.mkv", "away.mkv")
        for name in away:
            wait_for(lambda: zoe.process_state(f"camera {name}").get("state") == "retrying", 20, f"{name} to be away")
        for name, settings, status, sentence in (("network", {"fps": 5}, 503, "nobody listens there"),
                                                 ("network", {"fps": -5}, 400, "wanted a number from 0 to 1000"),
                                                 ("device", {"brightness": 5}, 503, "there is no such camera"),
                                                 ("device", {"width": 320}, 503, "there is no such camera"),
                                                 ("film", {"width": 320}, 503, "does not exist"),
                                                 ("film", {"brightness": 5}, 400, "has no controls"),
                                                 ("there", {"height": 90}, 400, "makes even sizes from 160x120")):
            answered, answer = http.put_json(zoe.port, f"/api/v1/cameras/{name}/settings", settings)
            assert (answered, list(answer)) == (status, ["error"]) and sentence in answer["error"], (name, settings, answered, answer)
        done = zoe.ctl("network", "set", "fps=5")
        assert done.returncode == 1 and "nobody listens there" in done.stderr, done


def test_nobody_there():
    assert "nothing runs in" in program("ctl", "front", "set", "fps=1").stderr
