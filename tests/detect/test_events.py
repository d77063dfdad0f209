# SPDX-License-Identifier: Apache-2.0
"""Tracks, zones, events and commands, with engine replay in place of a network: what should happen is known to the frame."""
import contextlib
import json
import os
import subprocess
import threading

from support.wait import wait_for
from support.zoetrope import BUILD, Zoetrope, alive

from detecting import Detector, camera, refused, results

SIZE = (64, 64)


class Events:
    """Reads "<camera>/events" from its first message on."""

    def __init__(self, topic):
        self.process = subprocess.Popen([f"{BUILD}/tests/print_messages", topic], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.list = []
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.list.append(json.loads(line))

    def close(self):
        self.process.stdin.close()
        self.thread.join(20)
        self.process.stdout.close()
        assert self.process.wait(5) == 0

    def words(self, but=("update",)):
        return [(e["event"], e["label"], *([e["zone"]] if "zone" in e else [])) for e in self.list if e["event"] not in but]


def record(path, frames, objects):
    """objects: label -> function of the frame's number that gives a box or None. Gives path."""
    with open(path, "w", encoding="utf-8") as file:
        for n in range(frames):
            boxes = [{"label": label, "score": 0.9, "box": where(n)} for label, where in objects.items() if where(n)]
            file.write(json.dumps({"boxes": boxes}) + "\n")
    return "./" + path


def car(n):
    """From frame 10 to 49 it drives from left to right; the middle of its lower edge is at x = 0.1 ... 0.9, y = 0.6."""
    return [0.05 + (n - 10) * 0.02, 0.5, 0.1, 0.1] if 10 <= n < 50 else None


@contextlib.contextmanager
def playing(model, fps=20, **options):
    with open("grey.raw", "wb") as file:
        file.write(bytes(SIZE[0] * SIZE[1]))
    events = Events("front/events")
    try:
        with Detector("front", "replay", model, **options) as detector:
            with camera("front", os.path.abspath("grey.raw"), "GREY", SIZE, fps=fps):
                yield events, detector
    finally:
        events.close()


def test_an_object_comes_and_goes():
    with playing(record("car.json", 1000, {"Car": car}), track="true", track_lost="300ms") as (events, detector):
        metrics = detector.metrics("front", lambda m: m.get("objects") == {"Car": 1}, 30)
        assert metrics["objects"] == {"Car": 1}
        wait_for(lambda: ("end", "Car") in events.words(), 30, "the end of the car")
        detector.metrics("front", lambda m: m.get("objects") == {}, 30)
    assert events.words() == [("new", "Car"), ("end", "Car")]
    new, *updates, end = events.list
    assert 10 <= new["source_seq"] <= 13 and 50 <= end["source_seq"] <= 70
    assert {e["track"] for e in events.list} == {1} and new["camera"] == "front" and new["detector"] == "objects"
    assert updates and all(u["capture_ns"] > new["capture_ns"] for u in updates)
    assert abs(end["box"][0] - 0.83) < 0.05, "its last place"


def test_track_ids_in_results():
    with playing(record("two.json", 1000, {"Car": lambda n: [0.1, 0.1, 0.2, 0.2], "Cat": lambda n: [0.6, 0.6, 0.2, 0.2]}), track="true"):
        found = results("front/detections", 10)
    for result in found[3:]:
        ids = {box["label"]: box["track"] for box in result["boxes"]}
        assert sorted(ids.values()) == [1, 2], ids
    with playing("./two.json"):
        assert {box["track"] for result in results("front/detections", 5) for box in result["boxes"]} == {0}


def test_zones():
    """Through one zone, past another, and too short in a third for the stay that is wanted."""
    zones = "left=0.2 0.3\\,0.5 0.3\\,0.5 0.9\\,0.2 0.9,above=0 0\\,1 0\\,1 0.4\\,0 0.4,thin=0.7 0\\,0.74 0\\,0.74 1\\,0.7 1"
    with playing(record("car.json", 1000, {"Car": car}), track_lost="300ms", zones=zones, stay="300ms") as (events, _):
        wait_for(lambda: ("end", "Car") in events.words(), 40, "the end of the car")
    assert events.words() == [("new", "Car"), ("enter", "Car", "left"), ("leave", "Car", "left"), ("end", "Car")]
    enter, leave = (next(e for e in events.list if e["event"] == word) for word in ("enter", "leave"))
    assert enter["zones"] == ["left"] and leave["zones"] == []
    assert enter["box"][0] + 0.05 >= 0.2 + 6 * 0.02 - 0.001, "not before it has stayed there for six frames"
    assert 0.5 <= leave["box"][0] + 0.05 < 0.7


def test_zones_that_are_none():
    said = refused("replay", record("car.json", 20, {"Car": car}), zones="left=0 0")
    assert "key 'zones': wanted NAME" in said and "three points are the least" in said


def test_command_on_an_event():
    """Run by the shell with what happened in its environment; a label that looks like a command stays a word."""
    label = "$(touch bad)`x`"
    model = record("odd.json", 1000, {label: car})
    command = 'echo "$ZOETROPE_EVENT|$ZOETROPE_CAMERA|$ZOETROPE_LABEL|$ZOETROPE_TRACK|$ZOETROPE_SCORE|$ZOETROPE_BOX" >> told'
    with playing(model, track_lost="300ms", on_event=command) as (events, _):
        wait_for(lambda: ("end", label) in events.words(), 40, "the end")
        wait_for(lambda: os.path.exists("told") and open("told", encoding="utf-8").read().count("\n") == 2, 20, "both commands")
    with open("told", encoding="utf-8") as file:
        new, end = sorted(file.read().splitlines(), key=lambda line: line.startswith("end"))
    assert new.startswith(f"new|front|{label}|1|0.900|0.0") and end.startswith(f"end|front|{label}|1|0.900|0.8")
    assert not os.path.exists("bad")


def test_a_command_that_does_not_end():
    """At most four run; the detector goes on, and takes them along when it ends."""
    model = record("many.json", 1000, {f"L{i}": lambda n, i=i: [0.1 * i, 0.1, 0.08, 0.2] for i in range(8)})
    with playing(model, on_event="echo $$ >> pids; exec sleep 1000") as (events, detector):
        wait_for(lambda: len(events.words()) == 8, 30, "eight objects")
        wait_for(lambda: os.path.exists("pids") and len(open("pids", encoding="utf-8").read().split()) == 4, 20, "four commands")
        assert len(results("front/detections", 5)) == 5
    with open("pids", encoding="utf-8") as file:
        pids = file.read().split()
    assert len(pids) == 4
    wait_for(lambda: not any(map(alive, pids)), 10, "the end of the commands")


def test_every():
    """Only frames whose number is a multiple are looked at, and none of them is missed."""
    with playing(record("car.json", 1000, {"Car": car}), fps=50, every=7):
        found = results("front/detections", 12)
    numbers = [result["source_seq"] for result in found]
    print(numbers)
    assert all(number % 7 == 0 for number in numbers) and numbers == sorted(set(numbers))
    steps = [b - a for a, b in zip(numbers, numbers[1:])]
    assert sorted(steps)[len(steps) // 2] == 7


def test_keys_in_the_configuration():
    """Zones as YAML gives them: names with points."""
    record("car.json", 1000, {"Car": car})
    config = {"cameras": {"front": {"source": "test:", "fps": 20}},
              "detectors": {"objects": {"engine": "replay", "model": "./car.json", "cameras": ["front"], "track_lost": "300ms",
                                        "zones": {"left": "0.2 0.3, 0.5 0.3, 0.5 0.9, 0.2 0.9"}}}}
    events = Events("front/events")
    with Zoetrope(config):
        try:
            wait_for(lambda: ("leave", "Car", "left") in events.words(), 60, "the car to pass")
        finally:
            events.close()
