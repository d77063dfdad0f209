# SPDX-License-Identifier: Apache-2.0
# alone
"""Frames come when they are due."""
import signal

import clips
from support.camera import Camera, Reader

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
LATE_NS = 2_000_000  # promised for publishing after the due time


def check_pace(frames, period_ns):
    """Capture times lie on an absolute grid: no drift. Publishing follows at once."""
    steps = [b["capture_ns"] - a["capture_ns"] for a, b in zip(frames, frames[1:])]
    dropped = 0
    for step in steps:
        periods = round(step / period_ns)
        assert periods >= 1 and abs(step - periods * period_ns) <= 1000 * periods, steps
        dropped += periods - 1
    assert dropped <= len(frames) // 10, f"{dropped} of {len(frames)} periods dropped"
    late = sorted(f["publish_ns"] - f["capture_ns"] for f in frames)
    print(f"measured: published after due: median {late[len(late) // 2] / 1e6:.2f} ms, most {late[-1] / 1e6:.2f} ms, "
          f"promised {LATE_NS / 1e6} ms")
    assert late[0] >= 0 and late[len(late) // 2] < 5 * LATE_NS
    seconds = (frames[-1]["publish_ns"] - frames[0]["publish_ns"]) / 1e9
    wanted = (len(frames) - 1 + dropped) * period_ns / 1e9
    print(f"measured: {len(frames)} frames in {seconds:.3f} s, wanted {wanted:.3f} s")
    assert abs(seconds - wanted) < 5 * period_ns / 1e9


def test_wanted_rate():
    path = clips.make("a.mp4", *X264, fps=10, frames=20)
    with Camera(f"file:{path}", loop=True, fps=25) as camera:
        check_pace(camera.frames(60), 40_000_000)


def test_own_time_stamps_and_the_loop():
    path = clips.make("a.mp4", *X264, "-bf", "2", fps=20, frames=15)
    with Camera(f"file:{path}", loop=True) as camera:
        check_pace(camera.frames(50), 50_000_000)
        assert camera.wait_state("streaming")["metrics"]["fps_wanted"] == 20


def test_uneven_time_stamps():
    """Every fourth frame of 40 a second stays four times as long."""
    path = clips.make("a.mkv", "-vf", "select=not(mod(n\\,8))+lt(mod(n\\,8)\\,4)", "-fps_mode", "vfr", *X264, fps=40, frames=40)
    with Camera(f"file:{path}", loop=True) as camera:
        frames = camera.frames(40)
    steps = {round((b["capture_ns"] - a["capture_ns"]) / 25e6) for a, b in zip(frames, frames[1:])}
    assert steps >= {1, 5}, steps


def test_picture_at_five_a_second():
    path = clips.make("a.jpg", frames=1)
    with Camera(f"file:{path}", loop=True) as camera:
        check_pace(camera.frames(8), 200_000_000)


def test_test_camera():
    with Camera("test:", width=640, height=480, fps=60) as camera:
        check_pace(camera.frames(120), 16_666_667)
        metrics = camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("fps", 0) > 0)["metrics"]
    assert metrics["fps_wanted"] == 60
    assert metrics["publish_ms"]["p50"] < 5 * LATE_NS / 1e6


def test_stopped_process_skips_ahead():
    """What was missed is counted, not made up for: the lag is gone with the first frame after it."""
    with Camera("test:", width=320, height=240, fps=50) as camera:
        reader = Reader(60)
        for _ in range(20):
            reader.next()
        camera.process.send_signal(signal.SIGSTOP)
        deadline = reader.first[-1]["capture_ns"] + 400_000_000
        stopped = Camera("test:", name="clock", width=160, height=120, fps=50)  # a clock that needs no sleeping
        with stopped:
            clock = Reader(1000, name="clock")
            while clock.next()["capture_ns"] < deadline:
                pass
            clock.kill()
        camera.process.send_signal(signal.SIGCONT)
        frames = reader.wait()
        metrics = camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("drops", 0) > 0)["metrics"]
    late = [f["publish_ns"] - f["capture_ns"] for f in frames[-10:]]
    assert max(late) < 100_000_000, late
    assert metrics["drops"] >= 10, metrics
