# SPDX-License-Identifier: Apache-2.0
"""The sink's buffer pool: what upstream gets is a slot it may write into, once, and never again after it was published."""
from support.gst import APPSINK, Gst, Pipeline, address, file_at, is_writable, lies_in_frames

CAPS = "video/x-raw,format=I420,width=320,height=240,framerate=30/1"


class Feeding:
    """appsrc ! zoetropesink, and the pool that the sink offers to who feeds it."""

    def __init__(self, options=""):
        self.pipeline = Pipeline(f"appsrc name=src format=time caps={CAPS} ! "
                                 f"zoetropesink name=sink topic=front sync=false async=false lossless=true {options}")
        caps = Gst.Caps.from_string(CAPS)
        self.pipeline.begin()
        query = Gst.Query.new_allocation(caps, True)
        assert self.pipeline["sink"].get_static_pad("sink").query(query)
        self.pool, size, *_ = query.parse_nth_allocation_pool(0)
        assert size == 320 * 240 * 3 // 2
        config = self.pool.get_config()
        Gst.BufferPool.config_set_params(config, caps, size, 0, 0)
        assert self.pool.set_config(config) and self.pool.set_active(True)

    def acquire(self, value=None):
        result, buffer = self.pool.acquire_buffer(None)
        assert result == Gst.FlowReturn.OK
        if value is not None:
            buffer.memset(0, value, buffer.get_size())
        return buffer

    def push(self, buffer):
        assert self.pipeline["src"].push_buffer(buffer) == Gst.FlowReturn.OK

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.pipeline["src"].end_of_stream()
        self.pipeline.wait_end()
        self.pool.set_active(False)
        self.pipeline.stop()


def reader(count):
    return Pipeline(f"zoetropesrc name=src topic=front mode=lossless num-buffers={count} ! {APPSINK}").begin()


def test_written_in_place():
    with Feeding() as feeding, reader(3) as reading:
        buffer = feeding.acquire(7)
        path, access = file_at(address(buffer, Gst.MapFlags.WRITE))
        assert lies_in_frames(buffer) and "w" in access, (path, access)
        assert file_at(address(feeding.acquire()))[0] == path, "a slot that is not sent goes back"
        for value in (7, 8, 9):
            if value != 7:
                buffer = feeding.acquire(value)
            feeding.push(buffer)
            del buffer
        assert [set(frame.data) for frame in reading.frames()] == [{7}, {8}, {9}]
        assert feeding.pipeline.counts("sink") == {"frames": 3, "copied": 0}


def test_published_is_read_only():
    """Upstream may keep a buffer as a decoder keeps a reference picture: it can go on reading, and nobody can change it."""
    with Feeding() as feeding, reader(6) as reading:
        kept = feeding.acquire(1)
        assert is_writable(kept)
        feeding.push(kept)
        assert set(reading.frame().data) == {1}
        for value in (2, 3, 4, 5, 6):  # as many as the topic keeps, and more: the kept slot is not taken for them
            feeding.push(feeding.acquire(value))
        held = reading.frame(keep=True)
        assert set(held.data) == {2}
        assert not is_writable(kept), "a published slot can be written to"
        assert set(kept.extract_dup(0, kept.get_size())) == {1}
        assert not is_writable(held.buffer), "a subscriber can write"
        assert [set(frame.data) for frame in reading.frames()] == [{3}, {4}, {5}, {6}]


def test_same_buffer_again():
    """A slot is published once; the same buffer sent again becomes a copy, and says so."""
    with Feeding() as feeding, reader(3) as reading:
        buffer = feeding.acquire(4)
        for _ in range(3):
            feeding.push(buffer)
        frames = reading.frames()
        assert [set(frame.data) for frame in frames] == [{4}] * 3 and [frame.seq for frame in frames] == [0, 1, 2]
        assert feeding.pipeline.counts("sink") == {"frames": 3, "copied": 2}


def test_more_than_there_are():
    """Upstream that holds more buffers than `buffers` gets ordinary memory, which is copied: it never waits."""
    with Feeding("buffers=3") as feeding, reader(8) as reading:
        held = [feeding.acquire(value) for value in range(8)]
        assert [lies_in_frames(buffer) for buffer in held] == [True] * 3 + [False] * 5
        for buffer in held:
            feeding.push(buffer)
        del buffer
        assert [set(frame.data) for frame in reading.frames()] == [{value} for value in range(8)]
        assert feeding.pipeline.counts("sink") == {"frames": 8, "copied": 5}
        held.clear()
        assert lies_in_frames(feeding.acquire()), "slots that are let go of serve again"
