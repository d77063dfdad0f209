# SPDX-License-Identifier: Apache-2.0
"""Topics that come late, go and come again; ends, flushes, pauses; buffers that outlive the pipeline; times."""
import time

from support import wait_for
from support.camera import Camera, topic
from support.gst import APPSINK, Gst, Pipeline, lies_in_frames
from support.wait import promised
from support.zoetrope import domain_entries, program

SMALL = "video/x-raw,format=NV12,width=320,height=240,framerate=30/1"
LIVE = f"videotestsrc name=test is-live=true pattern=ball ! {SMALL}"


def test_late_and_again():
    """The source waits for its topic; when the publisher is killed it waits for the next one. Numbers go on."""
    with Pipeline(f"zoetropesrc topic=front ! {APPSINK}") as reading:
        reading.begin()
        with Camera("test:", width=320, height=240, fps=30) as camera:
            before = reading.frames(5)
            camera.kill()
        with Camera("test:", width=640, height=480, fps=30):
            after = reading.frames(20)
        larger = [frame for frame in after if "width=(int)640" in frame.caps]
        numbers = [frame.seq for frame in before + after]
        assert larger and larger[0].size == 640 * 480 * 3 // 2, "the size did not change with the frames"
        assert numbers == sorted(set(numbers))
        times = [frame.pts for frame in before + after]
        assert times == sorted(times)
    assert not domain_entries() or program("clean").returncode == 0


def test_times_are_exact():
    """A frame's capture time is the same moment on both sides: base time and buffer time together."""
    with Pipeline(f"{LIVE} ! zoetropesink name=sink topic=front sync=false lossless=true") as sending:
        sending.pause()
        with Pipeline(f"zoetropesrc topic=front mode=lossless ! {APPSINK}") as reading:
            sent = sending.probe("sink", "sink", lambda buffer: buffer.pts)
            reading.begin()
            sending.play()
            frames = reading.frames(10)
            # what was captured before the reading pipeline ran was captured at its time 0
            exact = [frame for frame in frames if frame.pts]
            assert len(exact) >= 5
            for frame in exact:
                assert frame.clock_ns == sent[frame.seq] + sending.base_time()


def test_timestamps_for_a_file():
    """Without sync, a file runs ahead of the clock; no frame was captured in the future."""
    with Pipeline(f"videotestsrc num-buffers=20 ! {SMALL} ! zoetropesink topic=front sync=false lossless=true") as sending:
        sending.pause()
        with Pipeline(f"zoetropesrc topic=front mode=lossless num-buffers=20 ! {APPSINK}") as reading:
            reading.begin()
            sending.play()
            frames = reading.frames()
            now = Gst.SystemClock.obtain().get_time()
            assert len(frames) == 20 and all(frame.clock_ns <= now for frame in frames)


def test_newest():
    """mode=latest passes over what came meanwhile, and says how much that was."""
    with Pipeline(f"zoetropesrc name=src topic=front mode=latest ! {APPSINK}") as reading:
        taken = []
        for last in (8, 17):
            with Pipeline(f"videotestsrc num-buffers=9 ! {SMALL} ! zoetropesink topic=front sync=false") as sending:
                sending.pause()
                reading.pause()  # GStreamer waits for one frame in a pause, too, and hands it over afterwards
                sending.play()
                sending.wait_end()
                reading.begin()
                while not taken or taken[-1] < last:
                    taken.append(reading.frame().seq)
                reading.play()  # the change of state is complete before the next one
        assert len(taken) <= 4, taken
        assert reading.counts("src") == {"frames": len(taken), "copied": 0, "lost": 17 - taken[0] + 1 - len(taken)}


def test_end_when_publishers_leave():
    with Pipeline(f"videotestsrc num-buffers=12 ! {SMALL} ! zoetropesink topic=front sync=false lossless=true") as sending:
        sending.pause()
        with Pipeline(f"zoetropesrc topic=front mode=lossless eos-on-leave=true ! {APPSINK}") as reading:
            reading.begin()
            sending.play()
            sending.wait_end()
            sending.stop()
            assert [frame.seq for frame in reading.frames()] == list(range(12))
    assert not domain_entries()


def test_buffers_outlive_the_pipeline():
    """Four frames are held in place, the others are copies; all stay as they were when pipeline and publisher are gone."""
    source = f"videotestsrc num-buffers=30 pattern=ball ! {SMALL}"
    with Pipeline(f"{source} ! {APPSINK}") as plain:
        wanted = [frame.md5 for frame in plain.begin().frames()]
    with Pipeline(f"{source} ! zoetropesink topic=front sync=false lossless=true") as sending:
        sending.pause()
        with Pipeline(f"zoetropesrc name=src topic=front mode=lossless buffers=4 num-buffers=30 ! {APPSINK}") as reading:
            reading.begin()
            sending.play()
            frames = reading.frames(keep=True)
            assert reading.counts("src") == {"frames": 30, "copied": 26, "lost": 0}
    assert [lies_in_frames(frame.buffer) for frame in frames] == [True] * 4 + [False] * 26
    assert topic() and topic()["pinned"] == 4 and topic()["subscribers"] == 1, topic()
    for frame, md5 in zip(frames, wanted):
        frame.data = frame.buffer.extract_dup(0, frame.size)
        assert frame.md5 == md5
    frames.clear()
    del frame
    assert topic() is None or topic()["subscribers"] == 0
    assert not domain_entries() or program("clean").returncode == 0


def stopping(pipeline):
    began = time.monotonic()
    pipeline.stop()
    promised("a waiting element stops", time.monotonic() - began, 0.2)


def test_stop_while_it_waits():
    """For a topic, for a frame, and for a lossless reader that does not read."""
    with Pipeline(f"zoetropesrc topic=front ! {APPSINK}") as reading:
        stopping(reading.begin())
    with Pipeline(f"{LIVE} ! zoetropesink name=sink topic=front lossless=true sync=false") as sending:
        sending.pause()
        with Pipeline(f"zoetropesrc name=src topic=front mode=lossless ! {APPSINK}") as reading:
            reading.begin()
            reading.pause()  # joined, and takes nothing from here on
            sending.play()
            wait_for(lambda: topic()["next_seq"] >= 4 and sending.counts("sink")["frames"] >= 4, 20, "the ring to be full")
            stopping(sending)
            assert sending.counts("sink")["frames"] <= 4 + 1, "the sink did not wait for a lossless reader"
            stopping(reading.begin())


def test_end_and_flush_while_it_waits():
    with Pipeline(f"zoetropesrc name=src topic=front ! {APPSINK}") as reading:
        reading.begin()
        assert reading["src"].send_event(Gst.Event.new_eos())
        assert reading.frame() is None
        reading.wait_end()
    with Pipeline(f"zoetropesrc name=src topic=front ! {APPSINK}") as reading, Pipeline(f"{LIVE} ! zoetropesink topic=front") as sending:
        sending.begin()
        reading.begin()
        assert reading.frame()
        for _ in range(3):
            assert reading["src"].send_event(Gst.Event.new_flush_start())
            assert reading["src"].send_event(Gst.Event.new_flush_stop(True))
            assert reading.frame()
        for _ in range(3):
            reading.pause()
            reading.begin()
            assert reading.frame()
