# SPDX-License-Identifier: Apache-2.0
"""Engines that are missing, of another ABI, or no engines: each gives one clear sentence."""
# limit: a_thousand_lives 300 s
import json
import os
import subprocess

from support.wait import wait_for
from support.zoetrope import BUILD, Zoetrope, program

from detecting import ENGINES, Detector, camera, grey_file, refused, results, topics
from networks import grid


def test_missing_names_folders_and_engines():
    said = refused("fnord", "")
    assert "zoetrope-detector-fnord.so" in said and f"{BUILD}/drivers/detector" in said
    there = said.split("engines there: ")[1].split(", ")
    assert {"opencv", "onnxruntime"} <= set(there)


def test_path_of_folders():
    said = refused("fnord", "", environment={"ZOETROPE_DETECTOR_PATH": f"/nowhere:{ENGINES}"}.items())
    assert "/nowhere" in said and ENGINES in said and "slow" in said and "opencv" in said


def test_other_abi():
    said = refused("foreign", "100", environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items())
    assert "ABI 99" in said and "ABI 2" in said and "zoetrope_detector.h" in said


def test_no_engine_at_all():
    said = refused(f"{BUILD}/lib/libzoetrope.so", "")
    assert "does not export zoe_detector_engine" in said


def test_text_file():
    with open("engine.so", "w", encoding="utf-8") as file:
        file.write("not a shared object")
    assert "cannot be loaded" in refused("./engine.so", "")
    assert "cannot be loaded" in refused("./nothing.so", "")


def test_engine_refuses_its_model():
    said = refused("slow", "soon", environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items())
    assert "model 'soon' is no number of milliseconds" in said


BROKEN = {"ZOETROPE_DETECTOR_PATH": ENGINES}.items()


def test_tables_with_holes_and_wrong_defaults():
    assert "zoetrope-detector-hole.so is no detector engine: its table has holes" in refused("hole", "", environment=BROKEN)
    said = refused("default", "", environment=BROKEN)
    assert "default of its option 'size': wanted a whole number, found 'twelve'" in said


def test_options_of_an_engine():
    """Each wrong one is a sentence that says what was wanted; the engine is not even opened."""
    for options, wanted in {
        "how": "wanted KEY=VALUE, found 'how'",
        "hwo=not": "key 'hwo' is not known; did you mean 'how'?",
        "how=loud": "wanted one of not|open-crash",
        "weight=2": "key 'weight': wanted a number from 0 to 1 (kg), found '2'",
        "quiet=perhaps": "wanted true or false, found 'perhaps'",
    }.items():
        assert wanted in refused("broken", "", environment=BROKEN, options=options)
    assert "engine opencv has no options" in refused("opencv", "", options="a=b")
    assert "It has no options." in program("detect", "--engine", "opencv", "--options", "help").stdout


def test_input_that_nobody_can_make():
    said = refused("broken", "", environment=BROKEN, options="how=input")
    assert "pictures that nobody can make: a batch has 1 to 16 of them" in said


def test_results_that_break_the_rules():
    """Each is an error of that frame, in the state; the detector goes on."""
    for how, reason in {"many": "found 257 boxes where there is room for 256", "class": "found class 7, and has names for 1",
                        "mute": "engine broken failed and did not say why"}.items():
        with camera("front", grey_file("one", [7]), size=(16, 16)), Detector("front", "broken", "", options="how=" + how) as detector:
            detector.state("streaming", reason)


def test_boxes_are_clipped_and_numbers_that_are_none_dropped():
    with camera("front", grey_file("one", [7]), size=(16, 16)):
        with Detector("front", "broken", "", options="weight=1,quiet=off,word=a\\,b"):
            (box,) = results("front/detections", 1)[0]["boxes"]
            assert abs(box["box"][0] - 0.9) < 1e-6 and box["box"][1] == 0
            assert abs(sum(box["box"][::2]) - 1) < 1e-6 and box["box"][3] == 1
        with Detector("front", "broken", "", options="how=nan"):
            assert results("front/detections", 1)[0]["boxes"] == []


def test_crash_is_of_one_process():
    """The camera goes on, the detector is started again and again, and its state says why."""
    config = {"cameras": {"front": {"source": "test:", "fps": 50}},
              "detectors": {"objects": {"engine": "broken", "cameras": ["front"], "options": {"how": "crash"}}}}
    with Zoetrope(config, ready=False, environment=BROKEN) as zoe:
        wait_for(lambda: os.path.exists(os.path.join(zoe.domain, "control.sock")), 20, "the control socket")
        reason = wait_for(lambda: "signal 11" in zoe.process_state("detector objects").get("reason", "") and
                          zoe.process_state("detector objects")["reason"], 20, "word of the crash")
        assert "Segmentation fault" in reason
        before = topics()["front"]["next_seq"]
        wait_for(lambda: topics()["front"]["next_seq"] > before + 50, 20, "more frames")
        assert zoe.process_state("camera front")["state"] == "streaming"


def test_many_detectors_of_one_camera():
    """More than a topic has publishers unless told otherwise; a switch that is not as wanted tells whose fault it is."""
    detectors = {f"d{i}": {"engine": "motion", "cameras": ["front"], "track": True} for i in range(5)}
    detectors["bad"] = {"engine": "broken", "cameras": ["front"], "options": {"how": "crash"}}
    detectors["command"] = {"command": ["/usr/bin/python3", "-c", "import zoetrope.detector as d; d.run(lambda image: [])"],
                            "cameras": ["front"]}
    environment = [*dict(BROKEN).items(), ("PYTHONPATH", os.path.join(BUILD, "python"))]
    with Zoetrope({"cameras": {"front": {"source": "test:", "fps": 10}}, "detectors": detectors}, ready=False,
                  environment=environment) as zoe:
        wait_for(lambda: os.path.exists(os.path.join(zoe.domain, "control.sock")), 20, "the control socket")
        wait_for(lambda: all(zoe.process_state("detector " + name)["state"] == "streaming" for name in detectors if name != "bad"), 30,
                 "all that are well")
        wait_for(lambda: zoe.state()["cameras"]["front"]["detect"]["reason"].startswith("detector bad: was ended by signal 11"), 20,
                 "whose fault it is")


def test_crash_while_it_opens():
    """Before the detector was ever ready: one sentence says how it ended; of several workers too."""
    for workers in (1, 3):
        with open("c.yaml", "w", encoding="utf-8") as file:
            json.dump({"cameras": {"front": {"source": "test:"}},
                       "detectors": {"objects": {"engine": "broken", "cameras": ["front"], "options": {"how": "open-crash"}, "workers": workers}}},
                      file)
        done = program("run", "c.yaml", env={**os.environ, **dict(BROKEN)})
        print(done.stderr)
        assert done.returncode == 1
        lines = [line for line in done.stderr.splitlines() if "detector objects" in line]
        assert len(lines) == 1 and "signal 11 (Segmentation fault)" in lines[0] and "before it was ready" in lines[0], done.stderr


def test_engine_by_path():
    with camera("front", grey_file("one", [7]), size=(16, 16)):
        with Detector("front", engine=os.path.join(ENGINES, "zoetrope-detector-slow.so"), model="5"):
            (result,) = results("front/detections", 1)
    (box,) = result["boxes"]
    assert box["label"] == "Byte" and box["class"] == 1 and box["box"] == [7 / 256, 0, 0.25, 0.5]
    assert (result["width"], result["height"], result["detector"]) == (16, 16, "objects")


def test_a_thousand_lives():
    """Opened and closed a thousand times, with a picture each: no engine leaves memory behind."""
    network = grid("net.onnx", "yolov8")
    with open("one.json", "w", encoding="utf-8") as file:
        file.write('{"boxes": []}\n')
    # a family of tags takes 0.1 s to unfold
    for engine, model, lives in (("opencv", network, 1000), ("onnxruntime", network, 1000), ("motion", "", 1000),
                                 ("replay", "./one.json", 1000), ("apriltag", "", 10)):
        done = subprocess.run([f"{BUILD}/tests/cycle", engine, model, str(lives)], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "ZOETROPE_DETECTOR_PATH": f"{BUILD}/drivers/detector"})
        assert done.returncode == 0, done.stderr
        first, used, threads, last, used_last, threads_last = map(int, done.stdout.split())
        print(f"measured: {engine}: {first} KB after a tenth of {lives} lives, {last} KB after all; in use {used} and {used_last} KB")
        assert last - first < 1500 and used_last - used < 100 and threads_last == threads, engine
    assert not os.path.exists(os.path.expanduser("~/.cache")), "ONNX Runtime writes down what it runs, to send it off"
