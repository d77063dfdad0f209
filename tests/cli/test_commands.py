# SPDX-License-Identifier: Apache-2.0
"""ctl, ls and the status line, while a test pattern runs. alone"""
import json
import os
import re

from support import wait_for
from support.wait import promised
from support.zoetrope import DOMAIN, Zoetrope, domain_entries, program
import time

PATTERN = {"source": "test:", "width": 320, "height": 240, "fps": 20}
CONFIG = {"cameras": {"front": PATTERN, "back": PATTERN}, "preview": {}, "save": {"folder": "stills"}}


def test_switches():
    """Each verb, of one camera and of all; within 100 ms, a source that is opened anew within 2 s; without a restart."""
    with Zoetrope(CONFIG) as zoe:
        for verb in ("capture", "preview", "save"):
            for on in ("off", "on"):
                began = time.monotonic()
                done = zoe.ctl("front", verb, on)
                promised(f"ctl front {verb} {on}", time.monotonic() - began, 0.1)
                assert (done.returncode, done.stdout, done.stderr) == (0, f"front {verb} is {on}\n", "")
                there = {"wanted": on == "on", "actual": on == "on", "reason": ""}
                wait_for(lambda: zoe.state()["cameras"]["front"][verb] == there, 10, f"{verb} {on}")  # a source is opened anew
                promised(f"front {verb} is {on}", time.monotonic() - began, 2 if (verb, on) == ("capture", "on") else 0.1)
        assert zoe.state()["cameras"]["back"]["save"]["wanted"] is False
        assert zoe.ctl("all", "save", "on").returncode == 0
        assert all(camera["save"]["actual"] for camera in zoe.state()["cameras"].values())
        assert all(process["restarts"] == 0 for process in zoe.state()["processes"].values())


def test_capture_off_ends_frames():
    with Zoetrope(CONFIG) as zoe:
        assert zoe.ctl("front", "capture", "off").returncode == 0
        wait_for(lambda: zoe.process_state("camera front")["state"] == "off", 10, "the state off")
        before = topics().get("front", {}).get("next_seq")
        began = topics()["back"]["next_seq"]
        wait_for(lambda: topics()["back"]["next_seq"] > began + 20, 10, "a second of the other camera")
        assert topics().get("front", {}).get("next_seq") == before
        assert zoe.ctl("front", "capture", "on").returncode == 0
        wait_for(lambda: topics()["front"]["next_seq"] > (before or 0) + 20, 10, "frames again")


def topics():
    done = program("ls", "--json")
    assert done.returncode == 0, done.stderr
    return {topic["topic"]: topic for topic in json.loads(done.stdout)}


def test_not_as_wanted():
    """The exit status says it, the sentence why."""
    with Zoetrope({"cameras": {"front": PATTERN}}) as zoe:
        done = zoe.ctl("front", "detect", "on")
        assert done.returncode == 1 and done.stderr.count("\n") == 1
        assert "front detect is off, wanted on: no detector looks at this camera" in done.stderr
        assert zoe.ctl("front", "detect", "off").returncode == 0
        done = zoe.ctl("front", "preview", "on")
        assert done.returncode == 1 and "the configuration has no preview" in done.stderr
        done = zoe.ctl("frnt", "capture", "on")
        assert done.returncode == 1 and "there is no camera 'frnt'; there are: front" in done.stderr
        done = zoe.ctl("front", "zoom", "on")
        assert done.returncode == 1 and "there is no switch 'zoom'" in done.stderr
        done = zoe.ctl("--json", "front", "detect", "on")
        assert done.returncode == 1
        assert json.loads(done.stdout)["actual"] is False


def test_status():
    with Zoetrope(CONFIG) as zoe:
        state = wait_for(lambda: all("threads" in p for p in zoe.state()["processes"].values()) and zoe.state(), 10, "samples")
        assert set(state["processes"]) == {"camera front", "camera back", "preview", "recorder"}
        for process in state["processes"].values():
            assert process["pid"] > 0 and process["memory_bytes"] > 100000 and process["threads"] >= 1
        assert state["pid"] == zoe.process.pid and state["domain"] == DOMAIN
        assert json.loads(zoe.ctl("--json", "status").stdout)["pid"] == zoe.process.pid
        text = zoe.ctl("status").stdout
        assert re.search(r"^front: streaming", text, re.M) and re.search(r"^  capture +on", text, re.M)
        assert re.search(rf"^camera back +{state['processes']['camera back']['pid']} streaming", text, re.M)


def test_nothing_runs():
    done = program("ctl", "status")
    assert done.returncode == 1 and f"nothing runs in {DOMAIN}" in done.stderr
    assert program("ls").stdout == f"no topics in {DOMAIN}\n"
    assert program("ls", "--json").stdout == "[]\n"
    os.rmdir(DOMAIN)
    assert program("ls").returncode == 0 and program("clean").returncode == 0 and program("ctl", "quit").returncode == 1
    assert not os.path.exists(DOMAIN)


def test_quit_waits_for_the_end():
    with Zoetrope(CONFIG) as zoe:
        began = time.monotonic()
        assert zoe.ctl("quit").returncode == 0
        promised("ctl quit", time.monotonic() - began, 2)
        assert zoe.process.wait(1) == 0
        assert not domain_entries()


def test_ls():
    with Zoetrope(CONFIG) as zoe:
        front = wait_for(lambda: topics().get("front", {}).get("next_seq", 0) > 5 and topics()["front"], 10, "frames")
        assert (front["width"], front["height"], front["publishers"], front["dead"]) == (320, 240, 1, 0)
        assert front["slots_free"] + front["slots_loaned"] + front["slots_kept"] <= front["slots"]
        text = program("ls").stdout
        assert re.match(r"topic +pub +sub +next", text) and re.search(rf"^front +1 .* {front['format']} +320x240 ", text, re.M)
        assert zoe.process.poll() is None


def test_status_line():
    """The address first; then a line a second for each camera."""
    with Zoetrope({"cameras": {"front": PATTERN}, "preview": {}}, arguments=["--status"]) as zoe, zoe.stream("front") as stream:
        def line():
            next(stream)
            return re.search(r"^front (\d+\.\d) fps \| preview (\d+\.\d) fps \| drops (\d+)$", zoe.log(), re.M)
        wait_for(line, 15, "a status line")
        wait_for(lambda: abs(float(re.findall(r"^front (\d+\.\d) fps", zoe.log(), re.M)[-1]) - 20) < 1, 10, "20 fps in it")
        lines = [text for text in zoe.log().splitlines() if not text.startswith("zoetrope: preview") and "camera" not in text]
        assert lines[0] == f"zoetrope: live page on http://127.0.0.1:{zoe.port}/"
        assert zoe.log().count("live page on") == 1


def test_log_error_is_quiet():
    with Zoetrope({"cameras": {"front": PATTERN}}, arguments=["--log=error"]) as zoe:
        assert zoe.log() == ""
