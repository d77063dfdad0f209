# SPDX-License-Identifier: Apache-2.0
"""Several workers of a detector: processes that share a camera's frames as a group."""
import json
import os
import signal
import subprocess
import time

from support.wait import promised, wait_for
from support.zoetrope import Zoetrope, alive, program

from detecting import ENGINES, Detector, camera, command, grey_file, reading, refused, results, topics
from test_role import SMALL, counting


def workers_of(pid):
    """The processes that it has started, and that have not ended."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(child) for child in file.read().split() if alive(child)]


def group(topic="front"):
    """The workers that read a topic, as `zoetrope info` tells."""
    return [line for line in program("info", topic).stdout.splitlines() if "group objects" in line]


def in_order(found):
    numbers = [result["source_seq"] for result in found]
    assert numbers == sorted(set(numbers)), numbers
    for result in found:
        assert round(result["boxes"][0]["box"][0] * 256) == result["source_seq"] % 250
    return numbers


def test_one_dies():
    """Killed while it looks at a frame: that frame is lost and no other, its place is taken again, the role stays."""
    with camera("front", counting(), size=SMALL, fps=50):
        with Detector("front", model="150", workers=2) as detector:
            results("front/detections", 3)
            assert len(group()) == 2
            first = workers_of(detector.process.pid)
            assert len(first) == 2
            with reading("front/detections", 30, 60) as found:
                wait_for(lambda: topics()["front/detections"]["subscribers"] == 1, 20, "the reader")
                wait_for(lambda: topics().get("front", {}).get("pinned") == 2, 20, "both to be busy")
                os.kill(first[0], signal.SIGKILL)
                detector.receive(lambda m: m["type"] == "error" and "was ended by signal 9 (Killed); starts again in" in m["text"])
                second = wait_for(lambda: len(workers_of(detector.process.pid)) == 2 and workers_of(detector.process.pid), 20, "another one")
            assert first[1] in second and detector.process.poll() is None
            wait_for(lambda: len(group()) == 2, 20, "the new one in the group")
    in_order(found)
    assert topics() == {} and not any(map(alive, second))


def test_each_frame_goes_to_one():
    """Slow camera, two idle workers: each frame is looked at once, none twice and none by nobody."""
    with camera("front", counting(), size=SMALL, fps=5):
        with Detector("front", model="20", workers=2) as detector:
            numbers = in_order(results("front/detections", 15, 30))
            metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 15)
    assert metrics["inferences"] == metrics["results"], metrics
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    assert sorted(steps)[len(steps) // 2] == 1, numbers


def taken():
    """How many frames each worker has taken so far."""
    parties = json.loads(program("info", "--json", "front").stdout)["parties"]
    return {party["pid"]: party["taken"] for party in parties if party.get("group") == "objects"}


def test_workers_go_on_by_themselves():
    """They know what comes next while they are busy: if the role does not get a core, they look at the next frame all the same."""
    def both_went_on():
        wait_for(lambda: topics().get("front", {}).get("pinned") == 2, 20, "both to be busy")
        os.kill(detector.process.pid, signal.SIGSTOP)
        try:
            before = taken()
            wait_for(lambda: topics()["front"]["pinned"] == 0, 20, "both to be done")
            after = taken()
        finally:
            os.kill(detector.process.pid, signal.SIGCONT)
        print(before, after)
        return len(before) == 2 and all(after[pid] > count for pid, count in before.items())
    with camera("front", counting(), size=SMALL, fps=50):
        with Detector("front", model="200", workers=2) as detector:
            # one that the role was just about to tell does not count
            assert any(both_went_on() for _ in range(10))
            in_order(results("front/detections", 5))


def test_what_they_use_is_shown():
    """Each is a child of the detector, in the state and for people."""
    config = {"cameras": {"front": {"source": "test:", "fps": 30}},
              "detectors": {"objects": {"engine": "motion", "cameras": ["front"], "workers": 2, "cpus": "1",
                                        "options": {"width": 1920, "height": 1080}}}}
    with Zoetrope(config) as zoe:
        def children():
            found = zoe.process_state("detector objects").get("children", [])
            known = len(found) == 2 and all("cpu_percent" in child for child in found)
            return found if known and sum(child["cpu_percent"] for child in found) > 1 else None
        shown = wait_for(children, 30, "two that use a core")
        print(shown)
        assert sorted(child["pid"] for child in shown) == sorted(workers_of(zoe.pid("detector objects")))
        for child in shown:
            assert child["cpus"] == "1" and child["memory_bytes"] > 100000 and child["threads"] >= 1
            assert f"  {child['program']:<18} {child['pid']:>7} " in zoe.ctl("status").stdout
        os.kill(shown[0]["pid"], signal.SIGKILL)
        wait_for(lambda: shown[0]["pid"] not in [child["pid"] for child in children() or shown], 30, "the new one")
        assert "children" not in zoe.process_state("camera front")


def test_newest_wins():
    """Every third picture of a worker takes 20 times as long: by then newer results are there, and it is dropped."""
    with camera("front", counting(), size=SMALL, fps=100):
        with Detector("front", model="10", workers=3, order="newest", options="slow_every=3") as detector:
            in_order(results("front/detections", 40, 40))
            metrics = detector.metrics("front", lambda m: m.get("late", 0) > 0, 30)
    assert metrics["inferences"] == metrics["results"], "a result that is dropped does not count"


def test_the_gate_with_workers():
    """What one worker has found is known to the other: boxes stay although each has seen few of the pictures."""
    with camera("front", grey_file("still", [9]), size=SMALL, fps=50):
        with Detector("front", model="5", workers=2, motion_gate="1h") as detector:
            found = results("front/detections", 20, 30)
            metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 20)
    assert all(result["boxes"] == found[0]["boxes"] and len(result["boxes"]) == 1 for result in found)
    assert metrics["inferences"] <= 4 < metrics["still"], metrics  # each worker's first picture is new to it


def test_cameras_and_workers():
    """Three cameras, one worker and two: each has its results in order; a fast camera does not starve the slow ones."""
    pictures = counting()
    with camera("fast", pictures, size=SMALL, fps=200), camera("left", pictures, size=SMALL, fps=5), \
            camera("right", pictures, size=SMALL, fps=5):
        for workers in (1, 2):
            with Detector("fast,left,right", model="30", workers=workers) as detector:
                for name in ("fast", "left", "right"):
                    in_order(results(f"{name}/detections", 10, 40))
                both = [detector.metrics(name, lambda m: m.get("results", 0) >= 10, 30) for name in ("left", "right")]
            # their frames come every 200 ms and a turn takes 90: where nobody stops us none is passed over
            print(both)
            assert all(metrics["passed_over"] <= 3 * metrics["results"] for metrics in both), both


def test_turned_off_while_the_camera_is_away():
    """Nobody reads its topic any more, not even a worker: a camera that comes back would work for nobody. Its frames keep two busy."""
    with Detector("front", model="10", workers=2, switches={"front": True}) as detector:
        with camera("front", counting(), size=SMALL, fps=200):
            wait_for(lambda: len(group()) == 2, 20, "both to read the topic")
        detector.state("retrying", "waiting for camera front")
        assert topics()["front"]["subscribers"] > 0
        detector.turn("front", False)
        wait_for(lambda: "front" not in topics(), 10, "the end of their subscriptions")


def test_one_hangs():
    """It alone is killed; the process that control knows stays, and the other worker goes on."""
    config = {"cameras": {"front": {"source": "test:", "fps": 20}},
              "detectors": {"objects": {"engine": "slow", "model": "10", "cameras": ["front"], "hang_after": "500ms", "workers": 2,
                                        "options": {"hang_at": 10}}}}
    with Zoetrope(config, environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items()) as zoe:
        pid = zoe.pid("detector objects")
        wait_for(lambda: "engine slow has given no result for 0.5 s, so it is killed and started again" in zoe.log(), 30, "a hang")
        began_ns = time.monotonic_ns()
        while True:
            (result,) = results("front/detections", 1)
            if result["capture_ns"] > began_ns:
                break
        promised("back after a hang", (result["publish_ns"] - began_ns) / 1e9, 2)
        assert zoe.pid("detector objects") == pid and zoe.process_state("detector objects")["restarts"] == 0
        children = workers_of(pid)
    assert not any(map(alive, children))


def test_what_keeps_one_from_beginning_is_said_once():
    broken = {"ZOETROPE_DETECTOR_PATH": ENGINES}.items()
    assert "model 'soon' is no number of milliseconds" in refused("slow", "soon", environment=broken, workers=3)


def test_one_that_cannot_be_started():
    """Without /proc the role does not know its own path, so it cannot start itself again: a sentence and an end, no crash."""
    words = ["sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh", *command("front", "motion", "", workers=2)]
    done = subprocess.run(["unshare", "--mount", "--map-root-user", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and done.stderr == "zoetrope: detector objects: worker 0 cannot be started: no such file or directory\n", done


def test_the_role_ends_and_dies():
    """Nothing is left of its workers, not even of those that are busy; the next one works."""
    def busy(detector):
        wait_for(lambda: topics().get("front", {}).get("pinned") == 2, 20, "both to be busy")
        return workers_of(detector.process.pid)
    with camera("front", counting(), size=SMALL, fps=50):
        with Detector("front", model="60000", workers=2) as detector:
            children = busy(detector)
            began = time.monotonic()
            detector.send(type="quit")
            assert detector.process.wait(10) == 0
            promised("quit", time.monotonic() - began, 1.5)
            wait_for(lambda: not any(map(alive, children)), 10, "their end")
        program("clean")
        with Detector("front", model="60000", workers=2) as detector:
            children = busy(detector)
            detector.process.kill()
            wait_for(lambda: not any(map(alive, children)), 10, "their end")
        with Detector("front", model="10", workers=2):
            assert len(results("front/detections", 3)) == 3
