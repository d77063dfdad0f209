# SPDX-License-Identifier: Apache-2.0
"""Capture off closes the source and keeps the topic; errors while it runs; kill -9; slots that run short."""
import os
import shutil

import clips
from support.camera import Camera, Reader, topic
from support.wait import promised, wait_for

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
TURN_SECONDS = 0.1


def has_open(camera, path):
    return os.path.realpath(path) in camera.open_files()


def test_off_and_on():
    path = clips.make("a.mp4", *X264)
    with Camera(f"file:{path}", loop=True) as camera:
        reader = Reader(30)
        before = [reader.next() for _ in range(10)][-1]
        assert has_open(camera, path)
        answer = camera.turn(False)
        assert (answer["actual"], answer["reason"]) == (False, "")
        promised("capture off", answer["seconds"], TURN_SECONDS)
        assert not has_open(camera, path)
        assert camera.wait_state("off")["reason"] == ""
        assert topic()["publishers"] == 1, "the topic must stay"
        at_off = topic()["next_seq"]
        answer = camera.turn(True)
        assert (answer["actual"], answer["reason"]) == (True, "")
        promised("capture on", answer["seconds"], TURN_SECONDS)
        frames = reader.wait()
        assert [f["seq"] for f in frames] == list(range(frames[0]["seq"], frames[0]["seq"] + 30))
        first = next(f for f in frames if f["seq"] == at_off)
        assert first["md5"] == clips.md5s(path)[0], "it begins anew"
        assert before["seq"] < at_off
        assert camera.turn(True)["actual"] and not camera.turn(False)["actual"] and not camera.turn(False)["actual"]


def test_begins_switched_off():
    with Camera("file:missing.mp4", capture=False) as camera:
        assert camera.wait_state("off")["reason"] == ""
        answer = camera.turn(True)
        assert not answer["actual"] and "'missing.mp4' does not exist" in answer["reason"]
        assert "does not exist" in camera.wait_state("retrying")["reason"]
        clips.make("missing.mp4", *X264)
        camera.wait_state("streaming")


def test_file_vanishes_and_comes_back():
    path = clips.make("a.mp4", *X264, frames=10)
    with Camera(f"file:{path}", loop=True, fps=50) as camera:
        reader = Reader(120)
        reader.next()
        shutil.move(path, "away.mp4")
        assert "'a.mp4' does not exist" in camera.wait_state("retrying")["reason"]
        shutil.move("away.mp4", path)
        camera.wait_state("streaming")
        frames = reader.wait()
    assert [f["seq"] for f in frames] == list(range(frames[0]["seq"], frames[0]["seq"] + 120))


def test_kill_and_restart_continue_the_topic():
    path = clips.make("a.mp4", *X264, "-bf", "3", "-refs", "4")
    holder = None
    for round_number in range(10):
        camera = Camera(f"file:{path}", loop=True, fps=100).start()
        holder = holder or Reader(100000)
        last = [holder.next() for _ in range(15)][-1]
        if round_number < 9:
            camera.kill()
    frames = holder.first
    seqs = [f["seq"] for f in frames]
    assert all(b == a + 1 + f["lost"] for a, b, f in zip(seqs, seqs[1:], frames[1:]))
    assert last["seq"] >= 149
    camera.turn(False)
    state = topic()
    assert (state["loaned"], state["dead"], state["publishers"]) == (0, 0, 1), state
    holder.kill()
    camera.stop()


def test_subscriber_that_holds_many_frames():
    """It takes nothing from the decoder: all frames come, in order."""
    path = clips.make("a.mp4", *X264, "-bf", "3", "-refs", "5")
    wanted = clips.md5s(path)
    with Camera(f"file:{path}", loop=True, fps=50) as camera:
        holders = [Reader(60, hold=15) for _ in range(3)]
        for holder in holders:
            frames = holder.wait()
            clips.check_order(frames, wanted)
            assert sum(f["lost"] for f in frames) == 0
        assert camera.turn(False)["actual"] is False
        assert wait_for(lambda: topic()["loaned"] == 0, 5, "slots to come back")


def test_topic_of_another_shape():
    """The topic belongs to another camera with small loans and no keeps: it changes its shape, readers notice nothing."""
    path = clips.make("a.mp4", *X264, "-bf", "3", "-refs", "5", size="320x240")
    wanted = clips.md5s(path)
    with Camera("test:", width=640, height=480) as first:
        first.frames(1)
        with Camera(f"file:{path}", loop=True, fps=50) as second:
            first.turn(False)
            frames = second.frames(90)
            second.wait_state("streaming")
        clips.check_order(frames, wanted)
