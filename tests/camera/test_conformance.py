# SPDX-License-Identifier: Apache-2.0
"""What holds for every camera driver. A new one adds itself to sources.py."""
import time

from sources import HEIGHT, WIDTH, every_source
from support.camera import Camera, Reader, topic
from support.wait import promised, wait_for

BACK_SECONDS, TURN_SECONDS = 2.0, 0.1
EVEN = ("YU12", "422P", "NV12")


def check_sequence(frames):
    seqs = [f["seq"] for f in frames]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), seqs
    assert all(b["capture_ns"] > a["capture_ns"] for a, b in zip(frames, frames[1:])), "time goes back"
    assert all(f["publish_ns"] >= f["capture_ns"] for f in frames)


def test_frames_state_and_metrics():
    for source in every_source():
        with source, Camera(source.uri, **source.options) as camera:
            reader = Reader(100000)
            frames = [reader.next() for _ in range(20)]
            check_sequence(frames)
            assert {(f["width"], f["height"]) for f in frames} == {(WIDTH, HEIGHT)}, source.name
            state = camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("published", 0) > 20)
            assert (state["state"], state["reason"]) == ("streaming", "")
            metrics = state["metrics"]
            assert (metrics["width"], metrics["height"], metrics["format"]) == (WIDTH, HEIGHT, frames[0]["format"])
            assert metrics["fps"] > 0 and metrics["losses"] == 0
            assert metrics["published"] == metrics["sequence"] + 1, metrics
            undecoded = metrics["captured"] - metrics["published"]  # JPEGs that came before somebody read pixels
            assert undecoded >= 0 if metrics.get("jpeg") else undecoded == 0, (source.name, metrics)
            reader.kill()
            print(f"measured: {source.name}: {frames[0]['format']}, {metrics['fps']:.1f} frames a second")


def test_off_and_on():
    for source in every_source():
        with source, Camera(source.uri, **source.options) as camera:
            reader = Reader(100000)
            reader.next()
            answer = camera.turn(False)
            assert (answer["actual"], answer["reason"]) == (False, ""), source.name
            promised(f"{source.name} off", answer["seconds"], TURN_SECONDS)
            assert wait_for(lambda: topic()["loaned"] == 0, 5, "slots to come back")
            at_off = topic()["next_seq"]
            answer = camera.turn(True)
            assert answer["actual"], source.name
            promised(f"{source.name} on", answer["seconds"], TURN_SECONDS)
            while reader.next()["seq"] < at_off + 3:
                pass
            reader.kill()
            check_sequence(reader.first)


def test_wanted_size_format_and_rate():
    for source in every_source():
        options = {**source.options, "width": 320, "height": 240, "format": "NV12", "fps": 10}
        with source, Camera(source.uri, **options) as camera:
            frames = camera.frames(15)
        assert {(f["width"], f["height"], f["format"]) for f in frames} == {(320, 240, "NV12")}, source.name
        seconds = (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9
        assert seconds > 0.9, f"{source.name}: 14 steps of 0.1 s took {seconds} s"


def test_lost_and_back():
    """Nothing restarts; whoever reads goes on reading."""
    for source in every_source():
        if not source.can_vanish:
            continue
        with source, Camera(source.uri, **source.options) as camera:
            reader = Reader(100000)
            reader.next()
            source.vanish()
            assert camera.wait_state("retrying")["reason"], source.name
            source.come_back()
            began = time.monotonic()
            sequence = camera.wait_state("streaming")["metrics"]["sequence"]
            promised(f"{source.name} back", time.monotonic() - began, BACK_SECONDS)
            while reader.next()["seq"] <= sequence:
                pass
            reader.kill()
            check_sequence(reader.first)


def test_killed_and_started_again():
    for source in every_source():
        with source:
            camera = Camera(source.uri, **source.options).start()
            reader = Reader(100000)
            last = [reader.next() for _ in range(5)][-1]
            camera.kill()
            with Camera(source.uri, **source.options):
                while reader.next()["seq"] <= last["seq"] + 3:
                    pass
                reader.kill()
        seqs = [f["seq"] for f in reader.first]
        assert all(b == a + 1 + f["lost"] for a, b, f in zip(seqs, seqs[1:], reader.first[1:])), source.name


def test_mask_and_crop():
    """The left half is cut off, the upper half of the rest is black: so nothing of it is in shared memory as it was."""
    for source in every_source():
        options = {**source.options, "crop": "0.5 0 0.5 1", "mask": "0.5 0 0.5 0.5", "format": "I420"}
        with source, Camera(source.uri, **options) as camera:
            frames = camera.frames(3, raw="raw")
            assert topic("front/packets") is None, "compressed pictures are not masked"
        assert {(f["width"], f["height"]) for f in frames} == {(WIDTH // 2, HEIGHT)}, source.name
        with open("raw", "rb") as stream:
            luma = stream.read(WIDTH // 2 * HEIGHT)
        black = {1: 16, 2: 0}[frames[0]["range"]]
        upper, lower = set(luma[:WIDTH // 2 * (HEIGHT // 2 - 4)]), set(luma[WIDTH // 2 * (HEIGHT // 2 + 4):])
        assert upper == {black}, (source.name, upper)
        assert max(lower) - black > 20, source.name


def test_buffers():
    for wanted in (2, 9):
        with Camera("test:", width=160, height=120, fps=100, buffers=wanted) as camera:
            camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("published", 0) > 20)
            kept = topic()["kept"]
        assert wanted <= kept <= wanted + 1, f"{kept} frames are kept, wanted {wanted}"
