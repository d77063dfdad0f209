# SPDX-License-Identifier: Apache-2.0
"""GStreamer pipelines in the test's own process, with the plug-in of the build folder.

    with Pipeline("videotestsrc num-buffers=8 ! zoetropesink name=sink topic=front") as sending:
        sending.play()
        sending.wait_end()
        sending.counts("sink")              # {"frames": 8, "copied": 0}
"""
import hashlib
import os
import re

import gi
import numpy

from support.zoetrope import BUILD

os.environ["GST_PLUGIN_PATH"] = os.path.join(BUILD, "gst")
os.environ["GST_REGISTRY"] += "-ours"  # each path of plug-ins has one: the other would be made anew
os.environ["GST_REGISTRY_FORK"] = "no"  # the helper that looks at plug-ins would outlive a case that is killed
gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
from gi.repository import Gst, GstApp, GstVideo  # noqa: E402, pylint: disable=wrong-import-position

assert GstApp  # its types give appsink its methods
Gst.init(None)
PATIENCE = 20 * Gst.SECOND
APPSINK = "appsink name=app sync=false enable-last-sample=false"


def address(buffer, flags=Gst.MapFlags.READ):
    """Where a buffer's first memory lies in this process."""
    assert buffer.n_memory() == 1
    memory = buffer.peek_memory(0)
    mapped, info = memory.map(flags)
    assert mapped
    try:
        return numpy.frombuffer(info.data, dtype=numpy.uint8).ctypes.data
    finally:
        memory.unmap(info)


def is_writable(buffer):
    """May somebody map the buffer's memory itself for writing?"""
    memory = buffer.peek_memory(0)
    try:
        mapped, info = memory.map(Gst.MapFlags.WRITE)
    except Gst.MapError:
        return False
    if mapped:
        memory.unmap(info)
    return mapped


def file_at(place):
    """(path, access) of the mapping that an address lies in; the path is "" for ordinary memory."""
    with open("/proc/self/maps", encoding="utf-8") as stream:
        for line in stream:
            begin, end, access, path = re.fullmatch(r"(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)\n", line).groups()
            if int(begin, 16) <= place < int(end, 16):
                return path, access
    raise AssertionError(f"{place:x} is not mapped")


def lies_in_frames(buffer, topic="front"):
    """Is the buffer a slot of the topic, not memory of this process?"""
    path = file_at(address(buffer))[0]
    return path.startswith(os.path.join(os.environ["ZOETROPE_DOMAIN"], topic)) and "frames" in path


def md5(data):
    return hashlib.md5(data).hexdigest()


def tight(data, caps):
    """A picture's rows without what lies between them, which is nobody's; anything but raw video as it is."""
    info = GstVideo.VideoInfo.new_from_caps(caps) if caps.get_structure(0).get_name() == "video/x-raw" else None
    if not info:
        return data
    rows = []
    for plane in range(info.finfo.n_planes):
        inside = [c for c in range(info.finfo.n_components) if info.finfo.plane[c] == plane]
        width = -(-info.width >> info.finfo.w_sub[inside[0]]) if info.finfo.n_planes > 1 else info.width
        packed = info.finfo.format in (GstVideo.VideoFormat.YUY2, GstVideo.VideoFormat.UYVY)
        row = (width + width % 2) * 2 if packed else width * info.finfo.pixel_stride[inside[0]]
        width, height = row, -(-info.height >> info.finfo.h_sub[inside[0]])
        rows += [data[begin:begin + width] for begin in
                 range(info.offset[plane], info.offset[plane] + height * info.stride[plane], info.stride[plane])]
    return b"".join(rows)


class Frame:
    """What a test wants to know of a buffer; the buffer itself only if it is kept."""

    def __init__(self, sample, base_time, keep=False):
        buffer = sample.get_buffer()
        self.seq, self.pts, self.size = buffer.offset, buffer.pts, buffer.get_size()
        self.caps = sample.get_caps().to_string()
        self.clock_ns = base_time + buffer.pts
        self.data = tight(buffer.extract_dup(0, self.size), sample.get_caps())
        self.buffer = buffer if keep else None

    @property
    def md5(self):
        return md5(self.data)


class Pipeline:
    def __init__(self, text):
        self.pipeline = Gst.parse_launch(text)
        self.bus = self.pipeline.get_bus()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def __getitem__(self, name):
        return self.pipeline.get_by_name(name)

    def set(self, state):
        """Change the state and wait for it. A live source has no preroll."""
        assert self.pipeline.set_state(state) != Gst.StateChangeReturn.FAILURE, self.error()
        changed = self.pipeline.get_state(PATIENCE)[0]
        assert changed in (Gst.StateChangeReturn.SUCCESS, Gst.StateChangeReturn.NO_PREROLL), (changed, self.error(0))

    def begin(self):
        """Towards PLAYING, without waiting: a source waits for its topic."""
        self.pipeline.set_state(Gst.State.PLAYING)
        return self

    def pause(self):
        self.set(Gst.State.PAUSED)
        return self

    def play(self):
        self.set(Gst.State.PLAYING)
        return self

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)

    def wait_message(self, kinds):
        message = self.bus.timed_pop_filtered(PATIENCE, kinds)
        assert message, f"no message in {PATIENCE / Gst.SECOND} s"
        return message

    def wait_end(self):
        """Wait for the end of the stream."""
        message = self.wait_message(Gst.MessageType.EOS | Gst.MessageType.ERROR)
        assert message.type == Gst.MessageType.EOS, message.parse_error()

    def error(self, patience=PATIENCE):
        """The sentence of the next error message."""
        message = self.bus.timed_pop_filtered(patience, Gst.MessageType.ERROR)
        return message.parse_error().gerror.message if message else None

    def base_time(self):
        return self.pipeline.get_base_time()

    def frame(self, keep=False):
        """The next frame of the appsink; None at the end of the stream."""
        sample = self["app"].try_pull_sample(PATIENCE)
        if not sample:
            assert self["app"].is_eos(), self.error(0)
            return None
        return Frame(sample, self.base_time(), keep)

    def frames(self, count=None, keep=False):
        """So many frames, or all until the end."""
        found = []
        while count is None or len(found) < count:
            frame = self.frame(keep)
            if not frame:
                break
            found.append(frame)
        return found

    def counts(self, name):
        structure = self[name].get_property("counts")
        return {structure.nth_field_name(i): structure.get_value(structure.nth_field_name(i))
                for i in range(structure.n_fields())}

    def probe(self, name, pad, look):
        """Call look(buffer) for each buffer at a pad; gives the list of what it returned."""
        seen = []

        def on_buffer(_, info):
            seen.append(look(info.get_buffer()))
            return Gst.PadProbeReturn.OK

        self[name].get_static_pad(pad).add_probe(Gst.PadProbeType.BUFFER, on_buffer)
        return seen
