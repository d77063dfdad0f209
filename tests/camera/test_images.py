# SPDX-License-Identifier: Apache-2.0
"""A folder of pictures as a camera."""
import os

import clips
from support.camera import Camera, Reader, run

GREYS = {"9.png": 40, "10.png": 80, "11.png": 120, "100.png": 160}  # in this order


def make_grey(path, grey, size="64x48"):
    clips.make(path, "-vf", f"geq=lum={grey}:cb=128:cr=128,format=gray", "-update", "1", size=size, frames=1)


def make_folder():
    os.mkdir("folder")
    for name, grey in GREYS.items():
        make_grey(os.path.join("folder", name), grey)


def greys(raw, width=64, height=48):
    """The grey of each picture in a file of tight GREY pictures."""
    with open(raw, "rb") as stream:
        data = stream.read()
    return [data[i * width * height + width * height // 2] for i in range(len(data) // (width * height))]


def test_order_and_rate():
    make_folder()
    with Camera("images:folder", fps=10, loop=True, format="GREY") as camera:
        frames = camera.frames(12, raw="raw")
    shown = [min(GREYS.values(), key=lambda grey: abs(grey - seen)) for seen in greys("raw")]
    begin = list(GREYS.values()).index(shown[0])
    assert shown == [list(GREYS.values())[(begin + i) % 4] for i in range(12)], shown
    steps = [round((b["capture_ns"] - a["capture_ns"]) / 1e8) for a, b in zip(frames, frames[1:])]
    assert all(step >= 1 for step in steps) and sum(steps) < 30


def test_ends_after_the_last_one():
    make_folder()
    with Camera("images:folder", fps=20) as camera:
        state = camera.wait_state("off")
    assert (state["reason"], state["metrics"]["published"]) == ("end of file", 4)


def test_pictures_that_come_and_that_cannot_be_read():
    """The first size is that of all."""
    make_folder()
    with open("folder/5.jpg", "wb") as stream:
        stream.write(b"no picture at all")
    with Camera("images:folder", fps=20, loop=True, format="GREY") as camera:
        reader = Reader(100000)
        while len({frame["md5"] for frame in reader.first}) < 4:
            reader.next()
        make_grey("folder/50.png", 220, size="128x96")
        while len({frame["md5"] for frame in reader.first}) < 5:  # until the new picture is shown
            reader.next()
        reader.kill()
        assert camera.wait_state("streaming")
    assert {(f["width"], f["height"]) for f in reader.first} == {(64, 48)}


def test_folders_that_are_none():
    os.mkdir("empty")
    os.mkdir("bad")
    with open("bad/1.jpg", "wb") as stream:
        stream.write(b"no picture at all")
    for source, words in (("images:", "wanted images:FOLDER"), ("images:missing", "cannot list that folder: No such file"),
                          ("images:empty", "folder 'empty' has no picture in it"), ("images:bad", "file 'bad/1.jpg' gave no picture")):
        result = run(source)
        assert result.returncode == 1 and result.stderr.count("\n") == 1 and words in result.stderr, result.stderr


def test_areas_that_make_no_sense():
    for option, key in (({"crop": "0.5 0.5 0.6 0.1"}, "crop"), ({"mask": "0 0 1 1,left half"}, "mask")):
        result = run("test:", **option)
        assert result.returncode == 1 and f"key '{key}': wanted an area inside the picture" in result.stderr, result.stderr
