# SPDX-License-Identifier: Apache-2.0
"""The detector role, with an engine whose time is known: newest frame, due times, turns, switches, kills, hangs."""
# limit: hanging_again_and_again 120 s
import os
import re
import signal
import subprocess
import time

from support.camera import Reader
from support.wait import promised, wait_for
from support.zoetrope import Zoetrope, alive

from detecting import ENGINES, Detector, camera, command, grey_file, reading, results, topics

SMALL = (16, 16)
CLAIMED = 4  # small slots that a publisher holds at most: it claims them four at a time (ZI_BATCH in lib/shm.h)


def counting():
    """Pictures whose first byte is their number."""
    return grey_file("counting", range(250))


def test_newest_frame_wins():
    with camera("front", counting(), size=SMALL, fps=100):
        frames = Reader(130)
        with Detector("front", model="100") as detector:
            found = results("front/detections", 8)
            metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 8)
            published = {frame["seq"]: frame["publish_ns"] for frame in frames.wait()}
    for result in found:
        (box,) = result["boxes"]
        assert round(box["box"][0] * 256) == result["source_seq"] % 250  # what was looked at is what is named
        waited_ns = result["publish_ns"] - result["source_publish_ns"] - result["inference_ns"]
        assert waited_ns < 10_000_000 * 5, f"the frame was {waited_ns / 1e6:.1f} ms old when the engine began"
    steps = [b["source_seq"] - a["source_seq"] for a, b in zip(found, found[1:])]
    assert min(steps) >= 9 and sorted(steps)[len(steps) // 2] <= 15, steps
    assert metrics["passed_over"] >= 7 * 9 and 5 < metrics["fps"] <= 10.5, metrics
    assert 100 <= metrics["inference_ms"]["p50"] < 150 and metrics["age_ms"]["p99"] >= metrics["inference_ms"]["p50"]
    passed = 0
    for before, after in zip(found, found[1:]):
        # the engine was free when the result before was published; the newest frame of then may just have had its time
        newest = max((seq for seq, at_ns in published.items() if at_ns <= before["publish_ns"]), default=0)
        assert after["source_seq"] >= newest - 1, (after["source_seq"], newest)
        passed += newest - 1 > before["source_seq"]
    assert passed >= 3, "no frame was passed over: nothing was shown"
    looked_at = found[-1]["seq"] - found[0]["seq"]
    assert metrics["passed_over"] >= found[-1]["source_seq"] - found[0]["source_seq"] - looked_at, metrics
    assert metrics["boxes"] == 1 and metrics["counts"] == {"Byte": 1}
    parts = metrics["age_parts_ms"]
    assert list(parts) == ["published", "taken", "prepared", "inferred", "told"] and 100 <= parts["inferred"]["p50"], parts
    assert all(0 <= part["p50"] <= part["p99"] <= metrics["age_ms"]["p99"] for part in parts.values()), metrics


def test_results_keep_to_their_times():
    """max_fps 5 out of 60 frames a second: 25 results end 4.8 s after the first, and none drifts."""
    with camera("front", counting(), size=SMALL, fps=60):
        with Detector("front", model="20", max_fps=5):
            found = results("front/detections", 25, 20)
    begin = [(r["publish_ns"] - r["inference_ns"]) / 1e9 for r in found]
    off = [b - begin[0] - 0.2 * n for n, b in enumerate(begin)]
    print(f"measured: results are {min(off) * 1e3:.1f} to {max(off) * 1e3:.1f} ms off their times")
    assert abs(off[-1]) < 0.05 and max(map(abs, off)) < 0.1, off


def test_cameras_take_turns():
    with camera("left", counting(), size=SMALL, fps=100), camera("right", counting(), size=SMALL, fps=100):
        with Detector("left,right", model="50") as detector:
            both = [detector.metrics(name, lambda m: m.get("results", 0) >= 20) for name in ("left", "right")]
    print([metrics["results"] for metrics in both])
    assert abs(both[0]["results"] - both[1]["results"]) <= 2 + both[1]["results"] // 4


def test_a_camera_without_a_frame_holds_nobody_up():
    with camera("left", counting(), size=SMALL, fps=100):
        with Detector("left,right", model="20") as detector:
            detector.state("streaming", "waiting for camera right")
            assert len(results("left/detections", 10, 5)) == 10


def test_two_workers_are_twice_as_fast_and_in_order():
    """An engine that sleeps 100 ms: two of them give twice as many results; each is of a newer frame than the one before."""
    rates = []
    with camera("front", counting(), size=SMALL, fps=100):
        for workers in (1, 2):
            with Detector("front", model="100", workers=workers):
                found = results("front/detections", 41, 40)
            times = [result["publish_ns"] / 1e9 for result in found]
            numbers = [result["source_seq"] for result in found]
            assert numbers == sorted(set(numbers)), numbers
            for result in found:
                assert round(result["boxes"][0]["box"][0] * 256) == result["source_seq"] % 250
            rates.append(40 / (times[-1] - times[0]))
    print(f"measured: {rates[0]:.1f} and {rates[1]:.1f} results a second")
    assert rates[1] >= 1.8 * rates[0]


def test_results_stay_in_order_whatever_each_takes():
    """Every third picture takes 20 times as long: those that were taken later wait for it."""
    with camera("front", counting(), size=SMALL, fps=100):
        with Detector("front", model="10", workers=3, options="slow_every=3") as detector:
            numbers = [result["source_seq"] for result in results("front/detections", 30)]
            detector.turn("front", False)
            wait_for(lambda: topics()["front"]["pinned"] == 0 and topics()["front"]["subscribers"] == 0, 10, "all frames back")
            detector.turn("front", True)
            assert len(results("front/detections", 5)) == 5
    assert numbers == sorted(set(numbers)), numbers


def test_off_and_on_while_the_engine_is_busy():
    with camera("front", counting(), size=SMALL, fps=50):
        with Detector("front", model="400") as detector:
            results("front/detections", 1)
            answer, seconds = detector.turn("front", False)
            promised("detect off", seconds, 0.1)
            assert answer["actual"] is False and answer["reason"] == ""
            before = topics()["front/detections"]["next_seq"]
            detector.state("off")
            # What the engine is busy with is dropped, and the camera is let go of.
            wait_for(lambda: topics()["front"]["subscribers"] == 0, 5, "the end of the subscription")
            assert topics()["front/detections"]["next_seq"] == before

            with reading("front/detections", 2) as found:
                wait_for(lambda: topics()["front/detections"]["subscribers"] == 1, 5, "the reader")
                turned_ns = time.monotonic_ns()
                answer, seconds = detector.turn("front", True)
                promised("detect on", seconds, 0.1)
                assert answer["actual"] is True
            assert all(result["capture_ns"] > turned_ns - 100_000_000 for result in found)


def test_off_and_on_again_drops_what_is_in_flight():
    with camera("front", counting(), size=SMALL, fps=50):
        with Detector("front", model="1000") as detector:
            results("front/detections", 1)
            wait_for(lambda: topics()["front"]["pinned"] == 1, 5, "a frame in the engine")
            later = topics()["front"]["next_seq"] + 10
            with reading("front/detections", 1) as found:
                wait_for(lambda: topics()["front/detections"]["subscribers"] == 1, 5, "the reader")
                wait_for(lambda: topics()["front"]["next_seq"] >= later, 5, "newer frames")
                detector.turn("front", False)
                detector.turn("front", True)
    assert found[0]["source_seq"] >= later - 2, "a result from before the switch"


def uses(pid):
    """KB of a process's own, descriptors, threads."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        memory = int(re.search(r"RssAnon:\s+(\d+)", file.read())[1])
    return memory, len(os.listdir(f"/proc/{pid}/fd")), len(os.listdir(f"/proc/{pid}/task"))


def test_a_thousand_times_off_and_on():
    """Nothing grows: not the detector, and nothing of it is left at the camera."""
    with camera("front", counting(), size=SMALL, fps=500):
        with Detector("front", model="1") as detector:
            pid, seen = detector.process.pid, []
            results("front/detections", 1)
            for number in range(1000):
                assert detector.turn("front", False)[0]["actual"] is False
                if number in (100, 999):
                    wait_for(lambda: topics()["front"]["subscribers"] == 0, 10, "the end of the subscription")
                    seen.append(uses(pid))
                assert detector.turn("front", True)[0]["actual"] is True
            results("front/detections", 3)
            metrics = detector.metrics("front", lambda m: m.get("results", 0) >= 10)
            answer, _ = detector.turn("front", False)
            assert answer["actual"] is False
            wait_for(lambda: topics()["front"]["subscribers"] == 0 and topics()["front"]["pinned"] == 0, 10, "nothing at the camera")
    (memory, *others), (later, *others_later) = seen
    print(f"measured: {memory} KB after 100 times, {later} KB after 1000; descriptors and threads {others}; {metrics['results']} results")
    assert later - memory < 1500 and others_later == others, seen


def test_begins_switched_off():
    with camera("front", counting(), size=SMALL):
        wait_for(lambda: "front" in topics(), 5, "the camera")
        with Detector("front", switches={"front": False}) as detector:
            detector.state("off")
            assert topics()["front"]["subscribers"] == 0


def test_switches_that_it_has_not():
    with Detector("front") as detector:
        answer, _ = detector.turn("back", True)
        assert answer["actual"] is False and "back" in answer["reason"]


def test_camera_comes_goes_and_comes_back():
    pictures = counting()
    with Detector("front", model="10") as detector:
        detector.state("retrying", "waiting for camera front")
        for _ in range(2):
            with camera("front", pictures, size=SMALL, fps=50) as process:
                detector.state("streaming")
                assert len(results("front/detections", 3)) == 3
                process.send_signal(signal.SIGKILL)
            detector.state("retrying", "waiting for camera front")
        with camera("front", grey_file("nine", [9]), size=SMALL, fps=50):
            detector.state("streaming")
            assert results("front/detections", 1)[0]["boxes"][0]["box"][0] == 9 / 256


def test_no_boxes_is_a_result_too():
    with camera("front", counting(), size=SMALL):
        with Detector("front", model="10", labels="Other"):
            assert [result["boxes"] for result in results("front/detections", 3)] == [[], [], []]


def test_a_picture_that_the_engine_refuses():
    with camera("front", grey_file("mixed", [1, 255]), size=SMALL, fps=20):
        with Detector("front", model="10") as detector:
            detector.state("streaming", "the picture begins with 255")
            assert len(results("front/detections", 3)) == 3
        said = [message["text"] for message in detector.messages if message["type"] == "error"]
        assert len(said) == 1 and "camera front: the picture begins with 255" in said[0], said


def test_killed_during_inference():
    """Twenty kills, each while a frame is pinned: the camera's slots are all there afterwards."""
    with camera("front", counting(), size=SMALL, fps=200):
        wait_for(lambda: topics().get("front", {}).get("next_seq", 0) > 20, 5, "frames")
        before = topics()["front"]
        for _ in range(20):
            with Detector("front", model="5000") as detector:
                wait_for(lambda: topics()["front"]["pinned"] == 1, 5, "a frame in the engine")
                detector.process.kill()
        with Detector("front", model="10"):
            assert len(results("front/detections", 5)) == 5
        wait_for(lambda: topics()["front"]["pinned"] == 0 and topics()["front"]["subscribers"] == 0, 5, "no pin")
        after = topics()["front"]
        print(before, after)
        assert after["slots"] == before["slots"] and after["dead"] == 0
        assert after["loaned"] <= CLAIMED and after["free"] >= before["free"] - CLAIMED


def test_ends_in_the_middle_of_an_inference():
    with camera("front", counting(), size=SMALL):
        with Detector("front", model="500") as detector:
            wait_for(lambda: topics().get("front", {}).get("pinned") == 1, 5, "a frame in the engine")
            began = time.monotonic()
            detector.send(type="quit")
            assert detector.process.wait(5) == 0
            promised("quit", time.monotonic() - began, 1.5)


def test_ends_although_the_engine_does_not():
    """The end does not wait for an engine that takes minutes; nothing is left of its topic."""
    with camera("front", counting(), size=SMALL):
        with Detector("front", model="600000") as detector:
            wait_for(lambda: topics().get("front", {}).get("pinned") == 1, 10, "a frame in the engine")
            began = time.monotonic()
            detector.send(type="quit")
            assert detector.process.wait(10) == 0
            promised("quit", time.monotonic() - began, 1.5)
        assert "front/detections" not in topics()
        wait_for(lambda: topics()["front"]["pinned"] == 0, 5, "the pin to be gone")


def back_after(pid):
    """Wait for the end of the process, and for a result of a picture that was taken after it. Gives the seconds between."""
    wait_for(lambda: not alive(pid), 30, "the end of the one that hangs")
    began_ns = time.monotonic_ns()
    while True:
        (result,) = results("front/detections", 1)
        if result["capture_ns"] > began_ns:
            return (result["publish_ns"] - began_ns) / 1e9


def test_an_engine_that_hangs_is_replaced():
    """It looks at some pictures, and at one it hangs: its process is killed, the next one works within 2 s; the camera goes on."""
    config = {"cameras": {"front": {"source": "test:", "fps": 10}},
              "detectors": {"objects": {"engine": "slow", "model": "10", "cameras": ["front"], "hang_after": "500ms",
                                        "options": {"hang_at": 20}}}}
    with Zoetrope(config, environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items()) as zoe:
        pid = zoe.pid("detector objects")
        promised("back after a hang", back_after(pid), 2)
        assert "engine slow has given no result for 0.5 s, so it is killed and started again" in zoe.log()
        assert zoe.process_state("detector objects")["restarts"] >= 1
        assert zoe.process_state("camera front")["restarts"] == 0


def test_hanging_again_and_again():
    """No back-off: each time it is back within 2 s."""
    config = {"cameras": {"front": {"source": "test:", "fps": 50}},
              "detectors": {"objects": {"engine": "slow", "model": "5", "cameras": ["front"], "hang_after": "200ms",
                                        "options": {"hang_at": 12}}}}
    with Zoetrope(config, ready=False, environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items()) as zoe:
        wait_for(lambda: os.path.exists(os.path.join(zoe.domain, "control.sock")), 20, "the control socket")
        wait_for(lambda: zoe.process_state("detector objects").get("restarts", 0) >= 7, 60, "seven lives")
        wait_for(lambda: zoe.process_state("detector objects").get("state") != "restarting", 20, "a life")
        pid = zoe.pid("detector objects")
        promised("back after the eighth hang", back_after(pid), 2)
        waits = re.findall(r"objects: .*; starts again in (\d+) ms", zoe.log())
        assert len(waits) >= 7 and len(set(waits)) == 1, waits
        reason = wait_for(lambda: "no result" in zoe.process_state("detector objects")["reason"] and
                          zoe.process_state("detector objects")["reason"], 30, "the reason")
        print(reason)


def test_threads_are_where_they_should_be():
    counts = {}
    with camera("front", counting(), size=SMALL):
        for engine, threads in (("opencv", 2), ("onnxruntime", 1), ("onnxruntime", 3)):
            with Detector("front", engine=engine, model="ssd-mobilenet-v2", cpus="0", threads=threads) as detector:
                results("front/detections", 3)
                allowed = {}
                for thread in os.listdir(f"/proc/{detector.process.pid}/task"):
                    allowed[thread] = os.sched_getaffinity(int(thread))
            print(engine, threads, allowed)
            assert len(allowed) >= threads and set(map(frozenset, allowed.values())) == {frozenset({0})}
            counts[engine, threads] = len(allowed)
    assert counts["onnxruntime", 3] == counts["onnxruntime", 1] + 2


def test_alone_from_a_shell():
    with camera("front", counting(), size=SMALL):
        process = subprocess.Popen(command("front", model="10"), env={**os.environ, "ZOETROPE_DETECTOR_PATH": ENGINES})
        assert len(results("front/detections", 2)) == 2
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0
