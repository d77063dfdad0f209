# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each role while all run: the others lose nothing and do not restart, the killed one comes back by itself."""
# limit: 60 s
# limit: detector_50_times 240 s
# limit: camera_50_times 240 s
import json
import os
import re
import signal
import subprocess
import time

from support import wait_for
from support.http import Viewer
from support.wait import promised
from support.zoetrope import BUILD, Zoetrope, alive, cached, domain_entries, program

ROLES = ["camera front", "detector objects", "preview", "recorder"]
BACK_SECONDS = 2.0


def config(max_fps=5):
    return {
        "cameras": {"front": {"source": "file:" + cached("vtest.avi"), "fps": 25, "loop": True}},
        "detectors": {"objects": {"engine": "opencv", "model": "ssd-mobilenet-v2", "cameras": ["front"],
                                  "threshold": 0.35, "max_fps": max_fps}},
        "preview": {}, "save": {"folder": "stills", "every": 25},
    }


class Subscriber:
    """A subscriber of our own, in a process outside of zoetrope run; it says what it lost."""

    def __init__(self, topic):
        self.process = subprocess.Popen([os.path.join(BUILD, "examples", "subscribe"), topic], stdout=subprocess.PIPE, text=True,
                                        bufsize=1)

    def __enter__(self):
        self.first = self.next()
        return self

    def next(self):
        """(sequence, lost) of the next frame."""
        return tuple(map(int, re.match(r"frame (\d+):.* lost (\d+)", self.process.stdout.readline()).groups()))

    def check(self, until):
        """No gap and no loss from the first frame to number `until`."""
        sequence = self.first[0]
        while sequence < until:
            got, lost = self.next()
            assert (got, lost) == (sequence + 1, 0), f"after frame {sequence} came {got}, {lost} lost"
            sequence = got

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def topics():
    """What lies in the domain: {topic: counts}."""
    done = subprocess.run([os.path.join(BUILD, "tests", "topics")], capture_output=True, text=True, check=True)
    return {topic["topic"]: topic for topic in map(json.loads, done.stdout.splitlines())}


def next_seq():
    return topics()["front"]["next_seq"]


def kill_and_wait(zoe, name):
    """kill -9; gives the seconds until it works again. Nobody else may have got another pid or a restart."""
    before = zoe.state()["processes"]
    began = time.monotonic()
    zoe.kill(name)
    zoe.wait_back(name, before[name]["pid"])
    seconds = time.monotonic() - began
    after = zoe.state()["processes"]
    for other in set(ROLES) - {name}:
        assert after[other]["pid"] == before[other]["pid"], f"{other} has another pid after the kill of {name}"
        assert after[other]["restarts"] == before[other]["restarts"]
    assert after[name]["restarts"] == before[name]["restarts"] + 1
    promised(f"{name} back after kill -9", seconds, BACK_SECONDS)
    return seconds


def test_detector():
    with Zoetrope(config()) as zoe, Subscriber("front") as subscriber, Viewer(zoe.port, "front") as viewer:
        kill_and_wait(zoe, "detector objects")
        viewer.check_gap_free(50)
        last = viewer.parts[-1].sequence
        wait_for(lambda: (viewer.parts[-1].number("Result-Sequence") or 0) > last, 10, "boxes of new frames in the stream")
        subscriber.check(next_seq() - 1)


def test_camera():
    """Numbers go on without a hole, over the restart, for a viewer that stays connected."""
    with Zoetrope(config()) as zoe, Subscriber("front") as subscriber, Viewer(zoe.port, "front") as viewer:
        kill_and_wait(zoe, "camera front")
        viewer.check_gap_free(50)
        subscriber.check(next_seq() - 1)


def test_preview():
    with Zoetrope(config()) as zoe, Subscriber("front") as subscriber:
        with Viewer(zoe.port, "front") as viewer:
            kill_and_wait(zoe, "preview")
            wait_for(lambda: viewer.ended, 10, "the stream of the dead preview to end")
        wait_for(zoe.http_answers, 10, "HTTP to answer again")
        with Viewer(zoe.port, "front") as viewer:
            viewer.check_gap_free(50)
        subscriber.check(next_seq() - 1)


def stills():
    return os.listdir("stills/front") if os.path.isdir("stills/front") else []


def test_recorder():
    with Zoetrope(config()) as zoe, Subscriber("front") as subscriber:
        assert zoe.put("front", "save", True)["actual"] is True
        wait_for(lambda: len(stills()) >= 2, 10, "stills")
        kill_and_wait(zoe, "recorder")
        before = len(stills())
        wait_for(lambda: len(stills()) >= before + 4, 10, "more stills: save stays on over a restart")
        subscriber.check(next_seq() - 1)


def most_free(looks=100):
    """Free slots of each topic: a frame on its way takes one for a moment, so the most of many looks counts."""
    most = {}
    for _ in range(looks):
        for name, topic in topics().items():
            most[name] = max(most.get(name, 0), topic["free"])
    return most


BUSY = ("front", "front/detections")  # the others are made only when somebody reads them


def kill_50_times(name):
    with Zoetrope(config()) as zoe:
        wait_for(lambda: all(topics().get(topic, {"next_seq": 0})["next_seq"] > 20 for topic in BUSY), 20, "full rings")
        slots, free = {topic: counts["slots"] for topic, counts in topics().items()}, most_free()
        times = []
        for _ in range(50):
            began, before = time.monotonic(), zoe.kill(name)
            zoe.wait_back(name, before, 15)
            times.append(time.monotonic() - began)
        print(f"measured: {name}: median of 50 restarts {sorted(times)[25]:.2f} s")
        promised(f"{name}: slowest of 50 restarts", max(times), BACK_SECONDS)
        assert zoe.process_state(name)["restarts"] == 50
        assert {topic: counts["slots"] for topic, counts in topics().items()} == slots
        wait_for(lambda: all(most_free(10)[topic] >= count for topic, count in free.items()), 10,
                 f"as many free slots as at the start, {free}")
        print(f"measured: {name}: free slots at the start {free}, after 50 kills {most_free()}")
        assert not any(topic["dead"] for topic in topics().values())


def test_detector_50_times():
    kill_50_times("detector objects")


def test_camera_50_times():
    kill_50_times("camera front")


def test_control():
    """All children leave by themselves, the next start works, and clean leaves the domain empty."""
    zoe = Zoetrope(config())
    with zoe:
        pids = zoe.pids()
        began = time.monotonic()
        zoe.process.send_signal(signal.SIGKILL)
        zoe.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), 10, f"the children to leave: {pids}")
        promised("children gone after kill -9 of control", time.monotonic() - began, 2.0)
    with Zoetrope(config()):
        pass
    with Zoetrope(config()) as zoe:
        pids = zoe.pids()
        for pid in (zoe.process.pid, *pids.values()):
            os.kill(pid, signal.SIGKILL)
        zoe.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), 10, "all to be gone")
    assert domain_entries()
    assert program("clean").returncode == 0
    assert not domain_entries()
