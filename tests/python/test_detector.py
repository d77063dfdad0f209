# SPDX-License-Identifier: Apache-2.0
"""Detections as values, and own detectors: alone, and as children of zoetrope run."""
# alone
import os
import signal
import subprocess
import sys
import time

import numpy
import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "detect"))
from detecting import results  # noqa: E402
from support import wait_for  # noqa: E402
from support.python import STRICT, environment, started  # noqa: E402
from support.wait import promised  # noqa: E402
from support.zoetrope import SOURCE, Zoetrope, domain_entries, program  # noqa: E402

import zoetrope  # noqa: E402
import zoetrope.detector  # noqa: E402

BRIGHT = os.path.join(SOURCE, "examples", "detector.py")


def write(name, text):
    with open(name, "w", encoding="utf-8") as stream:
        stream.write(text)
    return os.path.abspath(name)


def running(script, **options):
    config = {"cameras": {"front": {"source": "test:", "fps": 30}},
              "detectors": {"mine": {"command": [*STRICT, script], "cameras": ["front"], **options}}}
    return Zoetrope(config, environment=environment())


def test_messages():
    publisher = zoetrope.Publisher("front")
    subscriber = zoetrope.Subscriber("front", mode="next")
    publisher.publish(numpy.zeros((48, 64, 3), numpy.uint8), capture_time_ns=5)
    frame = subscriber.next()
    boxes = [(0.25, 0.5, 0.5, 0.25, 0.75, "Person"), zoetrope.Detection(0, 0, 1, 1, 1, "Katze äöü", 3, 9)]
    message = zoetrope.Detections.message(frame, boxes, "mine", 1000)
    publisher.publish(message)
    taken = subscriber.next()
    found = zoetrope.Detections(taken)
    assert (found.source_seq, found.source_capture_time_ns, found.width, found.height) == (0, 5, 64, 48)
    assert (found.detector, found.inference_ns, len(found)) == ("mine", 1000, 2)
    assert list(found) == [zoetrope.Detection(*boxes[0]), boxes[1]]
    assert found.array.dtype == zoetrope.DETECTION_DTYPE and not found.array.flags.writeable
    assert found.array["score"].tolist() == [0.75, 1.0] and found.array["label"][0] == b"Person"
    assert numpy.byte_bounds(found.array)[0] == taken.array.ctypes.data + 88        # a view of the slot
    assert next(iter(found)).pixels(64, 48) == (16, 24, 48, 36)
    assert len(zoetrope.Detections(zoetrope.Detections.message(frame, []))) == 0


def test_wrong_messages():
    publisher = zoetrope.Publisher("front")
    publisher.publish(numpy.zeros((48, 64, 3), numpy.uint8))
    frame = zoetrope.Subscriber("front", mode="next", start="oldest").next()
    good = zoetrope.Detections.message(frame, [(0, 0, 1, 1, 1, "x")])
    for wrong in (b"", good[:50], good[:-1], good + b"x", b"\0" + good[1:], good[:4] + b"\2" + good[5:]):
        with pytest.raises(ValueError, match="no message of a detector"):
            zoetrope.Detections(wrong)
    nan = float("nan")
    for box in ((0.5, 0, 0.6, 1, 1, ""), (-0.1, 0, 1, 1, 1, ""), (0, 0, 1, 1, 1.5, ""), (nan, 0, 1, 1, 1, ""),
                (0, 0, 1, 1, nan, ""), (10, 10, 50, 50, 1, "")):
        with pytest.raises(ValueError, match="does not lie in the frame"):
            zoetrope.Detections.message(frame, [box])
    with pytest.raises(ValueError, match="room for 256 boxes"):
        zoetrope.Detections.message(frame, [(0, 0, 1, 1, 1, "x")] * 257)
    for box in ((0, 0, 1, 1), "box", 5, (0, 0, 1, 1, 1, b"bytes")):
        with pytest.raises(TypeError):
            zoetrope.Detections.message(frame, [box])


def test_label_is_cut_between_characters():
    publisher = zoetrope.Publisher("front")
    publisher.publish(numpy.zeros((4, 4), numpy.uint8))
    frame = zoetrope.Subscriber("front", mode="next", start="oldest").next()
    message = zoetrope.Detections.message(frame, [(0, 0, 1, 1, 1, "x" + "ä" * 20)])
    assert next(iter(zoetrope.Detections(message))).label == "x" + "ä" * 15


def test_child_of_run():
    """The example: its results are read in C; switches work; a kill is survived; it leaves when told."""
    with running(BRIGHT, max_fps=10) as zoe:
        zoe.wait_ready()
        found = results("front/detections", 5)
        assert {message["detector"] for message in found} == {"mine"} and all(message["boxes"] for message in found)
        numbers = [message["source_seq"] for message in found]
        assert numbers == sorted(set(numbers))
        answer = zoe.ask(camera="front", verb="detect", on=False)
        assert (answer["wanted"], answer["actual"]) == (False, False)
        wait_for(lambda: zoe.process_state("detector mine")["state"] == "off", 10, "it to be off")
        assert zoe.ask(camera="front", verb="detect", on=True)["actual"] is True
        results("front/detections", 2)
        metrics = zoe.state()["cameras"]["front"]["metrics"]["detectors"]["mine"]
        assert metrics["results"] > 0 and metrics["age_ms"]["p99"] >= metrics["age_ms"]["p50"] > 0
        before = zoe.pid("detector mine")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: zoe.pid("detector mine") not in (0, before), 10, "a new life")
        results("front/detections", 2)
        assert zoe.process_state("detector mine")["restarts"] == 1
        promised("zoetrope run with a Python detector to end", zoe.stop(), 2)
        assert "Warning" not in zoe.log() and "Traceback" not in zoe.log()
    assert not domain_entries()


def test_threshold_and_labels():
    """Of what the function gives, what the configuration wants; from the command line likewise."""
    text = ("import zoetrope.detector\nB = (0, 0, 1, 1)\nzoetrope.detector.run(lambda image: [(*B, 0.6, 'Cat'), (*B, 0.5, 'Cat'), "
            "(*B, 0.9, 'Dog'), (*B, 0.45, 'Cat'), zoetrope.Detection(*B, 0.7, 'Car')])\n")
    script = write("three.py", text)
    with running(script, threshold=0.5, labels=["Cat", "Car"]):
        found = [(round(box["score"], 3), box["label"]) for box in results("front/detections", 1)[0]["boxes"]]
    assert found == [(0.6, "Cat"), (0.5, "Cat"), (0.7, "Car")]
    with running(script):
        assert len(results("front/detections", 1)[0]["boxes"]) == 5
    publisher = zoetrope.Publisher("back")
    publisher.publish(numpy.zeros((4, 4), numpy.uint8))
    arguments = ["--cameras", "back", "--threshold", "0.65", "--labels", "Dog,Car"]
    with started([*STRICT, script, *arguments]) as process:
        reader = wait_for(lambda: "back/detections" in zoetrope.topics(), 20, "its topic") and zoetrope.Subscriber(
            "back/detections", mode="next", start="oldest", timeout=20)
        assert [box.label for box in zoetrope.Detections(reader.next())] == ["Dog", "Car"]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")


def test_slow_function_is_not_taken_for_dead():
    script = write("slow.py", "import time, zoetrope.detector\ndef find(image):\n    time.sleep(6.5)\n    return []\n"
                              "zoetrope.detector.run(find)\n")
    with running(script) as zoe:
        results("front/detections", 1, seconds=40)
        assert zoe.process_state("detector mine")["restarts"] == 0
        assert zoe.ask(camera="front", verb="detect", on=False)["actual"] is False


def test_hanging_function_is_replaced():
    """It has until hang_after, and is back within 2 s of that."""
    script = write("hangs.py", "import threading, zoetrope.detector\ncount = []\ndef find(image):\n    count.append(1)\n"
                               "    if len(count) == 5:\n        threading.Event().wait()\n    return []\nzoetrope.detector.run(find)\n")
    with running(script, hang_after="1s") as zoe:
        wait_for(lambda: "detector mine: the function has given no result for 1 s" in zoe.log(), 30, "a hang")
        began = time.monotonic()
        wait_for(lambda: zoe.process_state("detector mine").get("restarts", 0) > 0 and
                 zoe.process_state("detector mine")["state"] == "streaming", 20, "it to be back")
        promised("back after a hang", time.monotonic() - began, 2)


def test_cpus_and_priority():
    script = write("nothing.py", "import zoetrope.detector\nzoetrope.detector.run(lambda image: [])\n")
    with running(script, cpus="0", nice=2) as zoe:
        pid = zoe.pid("detector mine")
        assert os.sched_getaffinity(pid) == {0} and os.getpriority(os.PRIO_PROCESS, pid) == 2
        wait_for(lambda: zoe.process_state("detector mine").get("cpus") == "0", 10, "it to be shown")


def ends_at_once(command):
    with Zoetrope({"cameras": {"front": {"source": "test:"}}, "detectors": {"mine": {"command": command, "cameras": ["front"]}}},
                  ready=False, environment=environment()) as zoe:
        assert zoe.process.wait(30) == 1
        return zoe.log()


def test_failures_at_the_start():
    log = ends_at_once([*STRICT, write("wrong.py", "import zoetrope.detector\nzoetrope.detector.run(missing)\n")])
    assert "NameError" in log and "detector mine: ended with status 1 before it was ready" in log
    log = ends_at_once(["no-such-program"])
    assert "detector mine: cannot start no-such-program: No such file or directory" in log
    assert not domain_entries()


def test_exception_in_the_function():
    """It is told with its place, and the detector comes back."""
    script = write("raises.py", "import zoetrope.detector\nframes = []\ndef find(image):\n    frames.append(image.shape)\n"
                                "    return [(5, 5, 9, 9, 1, 'pixels')] if len(frames) > 30 else []\nzoetrope.detector.run(find)\n")
    with running(script) as zoe:
        wait_for(lambda: zoe.process_state("detector mine").get("restarts", 0) > 0, 20, "a second life")
        assert "detector mine: ValueError: box (5, 5, 9, 9, 1, 'pixels') does not lie in the frame" in zoe.log()


def test_alone():
    """From a shell, beside a publisher; it waits for the camera, and Ctrl-C ends it."""
    with started([*STRICT, BRIGHT, "--cameras", "front", "--name", "hand", "--max-fps", "20"]) as process:
        wait_for(lambda: "front/detections" in zoetrope.topics(), 20, "its topic")
        reader = zoetrope.Subscriber("front/detections", mode="next", timeout=20)
        publisher = zoetrope.Publisher("front")
        picture = numpy.zeros((100, 200, 3), numpy.uint8)
        picture[20:40, 50:100] = 255
        wait_for(lambda: zoetrope.info("front")["subscribers"], 20, "it to subscribe")
        publisher.publish(picture)
        found = zoetrope.Detections(reader.next())
        box, = found
        assert found.detector == "hand" and box.pixels(200, 100) == (50, 20, 100, 40) and box.label == "bright"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")
    missing = subprocess.run([*STRICT, BRIGHT], capture_output=True, text=True, env=environment(), timeout=30)
    assert missing.returncode == 2 and "--cameras" in missing.stderr


def test_role_says_who_starts_a_command():
    from support.zoetrope import BUILD
    done = subprocess.run([f"{BUILD}/roles/zoetrope-detector", "--cameras=front", "--command=mine.py"], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 1 and "zoetrope run starts that program" in done.stderr
    assert program("clean").returncode == 0
