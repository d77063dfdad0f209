# SPDX-License-Identifier: Apache-2.0
"""Engines that are missing, of another ABI, or no engines: each gives one clear sentence."""
import os

from support.zoetrope import BUILD

from detecting import ENGINES, Detector, camera, grey_file, refused, results


def test_missing_names_folders_and_engines():
    said = refused("fnord", "")
    assert "zoetrope-detector-fnord.so" in said and f"{BUILD}/drivers/detector" in said
    assert "engines there: opencv" in said


def test_path_of_folders():
    said = refused("fnord", "", environment={"ZOETROPE_DETECTOR_PATH": f"/nowhere:{ENGINES}"}.items())
    assert "/nowhere" in said and ENGINES in said and "slow" in said and "opencv" in said


def test_other_abi():
    said = refused("foreign", "100", environment={"ZOETROPE_DETECTOR_PATH": ENGINES}.items())
    assert "ABI 99" in said and "ABI 1" in said and "zoetrope_detector.h" in said


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


def test_engine_by_path():
    with camera("front", grey_file("one", [7]), size=(16, 16)):
        with Detector("front", engine=os.path.join(ENGINES, "zoetrope-detector-slow.so"), model="5"):
            (result,) = results("front/detections", 1)
    (box,) = result["boxes"]
    assert box["label"] == "Byte" and box["class"] == 1 and box["box"] == [7 / 256, 0, 0.25, 0.5]
    assert (result["width"], result["height"], result["detector"]) == (16, 16, "objects")
