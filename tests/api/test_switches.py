# SPDX-License-Identifier: Apache-2.0
"""Switches over HTTP under `zoetrope run`: answers, how fast, what they do; stills on disk."""
import glob
import io
import json
import os
import subprocess
import time

from PIL import Image

from support import http, wait_for
from support.http import without_a_gap
from support.preview import BUILD, Publisher
from support.wait import promised
from support.zoetrope import Zoetrope

CONFIG = {"cameras": {"front": {"source": "test:", "width": 640, "height": 360, "fps": 30}}, "preview": {}}


def turn(zoe, verb, on, camera="front"):
    """PUT, within the promised time."""
    began = time.monotonic()
    answer = zoe.put(camera, verb, on)
    promised(f"{verb} {'on' if on else 'off'}", time.monotonic() - began, 0.1)
    return answer


def test_capture_off_and_on():
    with Zoetrope(CONFIG) as zoe, zoe.stream("front") as stream:
        first = next(stream).sequence
        assert turn(zoe, "capture", False) == {"wanted": False, "actual": False, "reason": ""}
        wait_for(lambda: b'"wanted":false' in http.request(zoe.port, "GET", "/api/v1/cameras/front/capture")[2], 2, "GET to say so")
        status, _, body = http.request(zoe.port, "GET", "/api/v1/cameras/front/snapshot.jpg")
        assert status == 503 and b"no frame within 2 s" in body
        assert turn(zoe, "capture", True)["actual"] is True
        part = wait_for(lambda: (part := next(stream)).sequence > first and part, 5, "pictures on the same stream")
        assert time.monotonic() - part.number("Capture-Time") < 5
        assert zoe.state()["processes"]["camera front"]["restarts"] == 0


def test_preview_off_stops_pictures_not_the_server():
    with Zoetrope(CONFIG) as zoe, zoe.stream("front") as stream:
        for _ in range(10):
            next(stream)
        assert turn(zoe, "preview", False) == {"wanted": False, "actual": False, "reason": ""}
        encoded = wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"].get("preview"), 5, "metrics")["encoded"]
        published = zoe.state()["cameras"]["front"]["metrics"]["camera"]["published"]
        wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"]["camera"]["published"] > published + 45, 10, "45 more frames")
        after = zoe.state()["cameras"]["front"]["metrics"]["preview"]["encoded"]
        assert after <= encoded + 2, f"{after - encoded} frames were encoded while preview was off"
        status, _, body = http.request(zoe.port, "GET", "/api/v1/cameras/front/snapshot.jpg")
        assert status == 503 and b"preview of camera front is off" in body
        assert http.request(zoe.port, "GET", "/")[0] == 200
        assert turn(zoe, "preview", True)["actual"] is True
        wait_for(lambda: time.monotonic() - next(stream).number("Capture-Time") < 0.5, 5, "new pictures on the same stream")


def stills(folder="stills"):
    return sorted(glob.glob(os.path.join(folder, "front", "*.jpg")))


def check_still(path):
    with open(path, "rb") as stream:
        picture = Image.open(io.BytesIO(stream.read()))
    assert picture.size == (640, 360)
    with open(path.replace(".jpg", ".json"), encoding="utf-8") as stream:
        about = json.load(stream)
    assert about["camera"] == "front" and (about["width"], about["height"]) == (640, 360) and about["format"] == "YU12"
    assert about["file"] == os.path.basename(path) and int(path.rsplit("-", 1)[1][:-4]) == about["sequence"]
    assert path.split("/")[-1][:8] == about["capture_wall_time"][:10].replace("-", "")
    assert about["detections"] == []
    return about


def test_save_every_third_frame():
    os.makedirs("stills/front")
    with open("stills/front/.still-half-written.jpg", "w", encoding="utf-8"):
        pass
    with Zoetrope({**CONFIG, "save": {"folder": "stills", "every": 3}}) as zoe:
        assert not stills()
        assert turn(zoe, "save", True) == {"wanted": True, "actual": True, "reason": ""}
        wait_for(lambda: len(stills()) >= 20, 10, "20 stills")
        assert turn(zoe, "save", False)["actual"] is False
        found = stills()
        abouts = [check_still(path) for path in found]
        sequences = [about["sequence"] for about in abouts]
        assert sequences == list(range(sequences[0], sequences[-1] + 1, 3)) and sequences[0] % 3 == 0, sequences
        assert [about["capture_time"] for about in abouts] == sorted(about["capture_time"] for about in abouts)
        published = zoe.state()["cameras"]["front"]["metrics"]["camera"]["published"]
        wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"]["camera"]["published"] > published + 30, 10, "more frames")
        assert stills() == found, "saving went on"
        assert sorted(os.listdir("stills/front")) == sorted(os.path.basename(p) for f in found for p in (f, f[:-3] + "json"))
        assert zoe.state()["cameras"]["front"]["metrics"]["recorder"]["saved"] == len(found)


def test_stills_have_the_newest_result():
    recorder = os.path.join(BUILD, "roles", "zoetrope-recorder")
    with Publisher(width=640, height=360):
        process = subprocess.Popen([recorder, "--save", "on", "--folder", "stills", "--cameras", "front", "--every", "2"])
        wait_for(lambda: len(stills()) >= 10, 10, "10 stills")
        process.terminate()
        assert process.wait(5) == 0
    about = json.loads(read(stills()[-1].replace(".jpg", ".json")))
    result, = about["detections"]
    assert [box["label"] for box in result["boxes"]] == ["Person", "Car"] and result["detector"] == "planted"
    assert 0 <= about["sequence"] - result["sequence"] <= 10
    assert abs(result["age"] - (about["sequence"] - result["sequence"]) / 30) < 0.002


def test_save_where_no_folder_can_be():
    with open("occupied", "w", encoding="utf-8"):
        pass
    with Zoetrope({**CONFIG, "save": {"folder": "occupied"}}) as zoe:
        answer = turn(zoe, "save", True)
        assert answer["wanted"] is True and answer["actual"] is False and "occupied/front: Not a directory" in answer["reason"]
        state = wait_for(lambda: (p := zoe.process_state("recorder"))["state"] == "retrying" and p, 5, "the recorder to say so")
        assert "Not a directory" in state["reason"] and state["restarts"] == 0
        os.unlink("occupied")
        wait_for(lambda: stills("occupied"), 15, "saving to begin by itself")
        wait_for(lambda: zoe.process_state("recorder")["state"] == "streaming", 5, "the recorder to work")
        assert zoe.state()["cameras"]["front"]["metrics"]["recorder"]["drops"] > 0


def test_save_to_a_full_disk():
    """The recorder alone, in a mount namespace with a disk of 200 kB."""
    os.mkdir("small")
    recorder = os.path.join(BUILD, "roles", "zoetrope-recorder")
    script = f"mount -t tmpfs -o size=200k none small && exec {recorder} --save on --folder small --cameras front"
    with Publisher(width=640, height=360, mode="noise"), open("recorder.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(["unshare", "--map-root-user", "--mount", "sh", "-c", script], stderr=log)
        wait_for(lambda: "No space left on device; make room there" in read("recorder.log") or process.poll() is not None, 20, "a full disk")
        assert process.poll() is None, read("recorder.log")
        names = os.listdir(f"/proc/{process.pid}/root/{os.getcwd()}/small/front")
        process.terminate()
        assert process.wait(5) == 0
    assert len(read("recorder.log").splitlines()) == 1, read("recorder.log")
    assert not [name for name in names if name.startswith(".")], names
    assert sorted(n[:-4] for n in names if n.endswith(".jpg")) == sorted(n[:-5] for n in names if n.endswith(".json"))
    print(f"measured: {len(names) // 2} stills until the disk was full")


def read(path):
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def test_verbs_and_cameras_that_are_not_there():
    with Zoetrope(CONFIG) as zoe:
        status, answer = http.put_json(zoe.port, "/api/v1/cameras/back/save", {"on": True})
        assert status == 404 and "front" in answer["error"]
        status, answer = http.put_json(zoe.port, "/api/v1/cameras/front/zoom", {"on": True})
        assert status == 404 and "capture, preview, save, detect" in answer["error"]
        answer = zoe.put("front", "detect", True)
        assert answer["actual"] is False and answer["reason"], answer


def test_kill_of_preview_while_asked():
    """Viewers are cut off, nobody else notices, and it is back on the same port."""
    with Zoetrope(CONFIG) as zoe:
        with zoe.stream("front") as stream:
            next(stream)
            pid = zoe.kill("preview")
            began = time.monotonic()
        zoe.wait_back("preview", pid)
        promised("preview back after kill -9", time.monotonic() - began, 2)
        with zoe.stream("front") as stream:
            without_a_gap(stream, 10)
        assert zoe.state()["processes"]["camera front"]["restarts"] == 0
