# SPDX-License-Identifier: Apache-2.0
"""Every raw format and JPEG goes through sink and source unchanged, at odd sizes, with its colours, and without a copy."""
import re

from support.camera import Camera
from support.gst import APPSINK, Pipeline, lies_in_frames

FORMATS = ["I420", "NV12", "YUY2", "UYVY", "Y42B", "Y444", "RGB", "BGR", "GRAY8"]
COUNT = 6


def picture(caps, count=COUNT):
    return f"videotestsrc num-buffers={count} pattern=ball ! {caps}"


def reference(source):
    """What appsink gets without Zoetrope between."""
    with Pipeline(f"{source} ! {APPSINK}") as plain:
        plain.play()
        return plain.frames()


def through(source, sink="", reader=APPSINK, options=f"buffers={COUNT}", count=COUNT):
    """The same over a topic, every frame: (frames, the sink's counters, the source's, which of its buffers are slots).

    All may wait in the reader's queue at once, for a busy machine comes to them late; what is more than `buffers` would be copied."""
    with Pipeline(f"{source} ! zoetropesink name=sink topic=front lossless=true {sink}") as sending:
        sending.pause()  # the topic is there, no frame of it yet
        with Pipeline(f"zoetropesrc name=src topic=front mode=lossless {options} ! {reader}") as reading:
            slots = reading.probe("src", "src", lies_in_frames)
            reading.begin()
            sending.play()
            frames = reading.frames(count)
            sending.wait_end()
            return frames, sending.counts("sink"), reading.counts("src"), slots


def field(caps, name):
    found = re.search(rf"{name}=\(\w+\)([^,;]+)", caps)
    return found[1] if found else None


def check(source):
    wanted = reference(source)
    frames, sent, read, slots = through(source)
    assert [f.seq for f in frames] == list(range(COUNT))
    assert [f.md5 for f in frames] == [f.md5 for f in wanted], source
    assert len({f.md5 for f in frames}) == COUNT, "the ball does not move, so the test sees nothing"
    for name in ("format", "width", "height", "colorimetry"):
        asked = field(wanted[0].caps, name)  # caps need not name colours
        assert not asked or field(frames[0].caps, name) == asked, name
    assert sent == {"frames": COUNT, "copied": 0}, "videotestsrc did not write into loaned slots"
    assert read == {"frames": COUNT, "copied": 0, "lost": 0} and all(slots)


def test_raw_formats():
    for name in FORMATS:
        width = 322 if name in ("YUY2", "UYVY") else 321  # two pixels share a group there: half of an odd one is nobody's
        check(picture(f"video/x-raw,format={name},width={width},height=243"))


def test_colours():
    """Range and matrix come out as they went in; what the transport cannot say becomes the nearest it can."""
    for given, got in (("bt601", "bt601"), ("bt709", "bt709"), ("1:4:0:0", "1:4:0:0"), ("bt2020", "bt709")):
        source = picture(f"video/x-raw,format=NV12,width=1280,height=720,colorimetry={given}", 1)
        frames = through(source, count=1)[0]
        assert field(frames[0].caps, "colorimetry") == got, given


def test_jpeg():
    source = picture("video/x-raw,format=I420,width=322,height=242") + " ! jpegenc"
    wanted = reference(source)
    frames, sent, read, slots = through(source)
    assert [f.data for f in frames] == [f.data for f in wanted]
    assert frames[0].caps.startswith("image/jpeg") and field(frames[0].caps, "width") == "322"
    assert sent["copied"] == COUNT, "jpegenc knows no pool: one copy a picture, and the counter must say so"
    assert read["copied"] == 0 and all(slots)
    pixels = through(source, reader=f"jpegdec ! {APPSINK}")[0]
    assert len({f.md5 for f in pixels}) == COUNT


def test_copies():
    """Where nothing may be held in place, all is copied once and counted, and the content is the same."""
    source = picture("video/x-raw,format=Y42B,width=321,height=243")
    wanted = reference(source)
    frames, sent, read, slots = through(source, sink="buffers=0", options="buffers=0")
    assert [f.md5 for f in frames] == [f.md5 for f in wanted]
    assert sent["copied"] == COUNT and read["copied"] == COUNT and not any(slots)


# the test camera's name, GStreamer's, and another format that says the same, for a conversion there and back
FOREIGN = [("I420", "I420", "NV12"), ("NV12", "NV12", "I420"), ("YUYV", "YUY2", "UYVY"), ("UYVY", "UYVY", "YUY2"),
           ("RGB24", "RGB", "BGR"), ("BGR24", "BGR", "RGB"), ("GREY", "GRAY8", "GRAY16_LE")]


def test_strides():
    """Rows of the test camera's slots have gaps. Who reads GstVideoMeta gets the slot, others a copy without gaps."""
    for name, caps, other in FOREIGN:
        there_and_back = f"videoconvert ! video/x-raw,format={other} ! videoconvert ! video/x-raw,format={caps} ! {APPSINK}"
        with Camera(f"test:?format={name}", width=168, height=128, fps=30) as camera:
            for reader, copied in ((APPSINK, True), (there_and_back, False)):
                with Pipeline(f"zoetropesrc name=src topic=front ! {reader}") as reading:
                    reading.begin()
                    first = reading.frame()  # so that the other reader sees what comes later
                    others = camera.frames(10)
                    later = reading.frames(10 + others[0]["seq"] - first.seq)
                    stats = reading.counts("src")
                assert field(later[0].caps, "format") == caps
                wanted = {frame["seq"]: frame["md5"] for frame in others}
                mine = {frame.seq: frame.md5 for frame in later}
                both = wanted.keys() & mine.keys()
                assert len(both) >= 5 and all(wanted[seq] == mine[seq] for seq in both), (name, reader)
                assert (stats["copied"] == stats["frames"]) if copied else stats["copied"] == 0, (name, stats)
