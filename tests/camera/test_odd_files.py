# SPDX-License-Identifier: Apache-2.0
"""Files as they really come: what can be played is played, what cannot is said in a sentence, and nothing crashes."""
import os
import random
import struct
import subprocess

import clips
import numpy
from PIL import Image
from support.camera import Camera, run, topic

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True, timeout=60)


def play(path, count, **options):
    """Frames of the file, whose numbers and times must rise; and the log."""
    with Camera(f"file:{path}", loop=True, **options) as camera:
        frames = camera.frames(count)
        log = camera.stop()
    seqs = [f["seq"] for f in frames]
    assert seqs == list(range(seqs[0], seqs[0] + count))
    assert all(b["capture_ns"] > a["capture_ns"] for a, b in zip(frames, frames[1:])), path
    return frames, log


def refused(path, words):
    result = run(f"file:{path}")
    print(result.stderr)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and words in result.stderr


def copy_with(path, out, change):
    with open(path, "rb") as stream:
        data = bytearray(stream.read())
    with open(out, "wb") as stream:
        stream.write(change(data))


def test_variable_rate():
    path = clips.make("a.mkv", "-vf", "setpts=N*N/100/TB", "-fps_mode", "vfr", *X264, fps=25, frames=20)
    frames, _ = play(path, 15)
    steps = [b["capture_ns"] - a["capture_ns"] for a, b in zip(frames, frames[1:])]
    assert max(steps) > 2 * min(steps)


def test_odd_sizes():
    for size in ("321x179", "17x15", "2x2", "1x1"):
        width, height = size.split("x")
        path = clips.make("a.mkv", "-vf", f"format=rgb24,crop={width}:{height}:0:0:exact=1", "-c:v", "ffv1", "-pix_fmt", "yuv420p",
                          size="640x360", frames=5)
        frames, _ = play(path, 5)
        assert (f"{frames[0]['width']}x{frames[0]['height']}", frames[0]["format"]) == (size, "YU12")
        masked, _ = play(path, 5, mask="0 0 1 1", fps=50)
        assert len({f["md5"] for f in masked}) == 1, "something is left of a picture that is masked altogether"


def test_ten_and_twelve_bits():
    for pixels in ("yuv420p10le", "yuv444p12le", "gray10le"):
        path = clips.make("a.mkv", "-c:v", "ffv1", "-pix_fmt", pixels, size="320x180", frames=5)
        frames, log = play(path, 5)
        assert frames[0]["format"] == "YU12" and f"{pixels} of 320x180 is converted to YU12" in log


def with_matrix(path, out, values):
    """A copy whose track is shown by that matrix: in an MP4 file, in the last 'tkhd' box, behind 40 bytes of other things."""
    def change(data):
        at = data.rindex(b"tkhd") + 4 + 40
        data[at:at + 36] = struct.pack(">9i", *(round(value * scale) for value, scale in zip(values, (1 << 16, 1 << 16, 1 << 30) * 3)))
        return data
    copy_with(path, out, change)


def test_rotated():
    """A telephone held upright, on its other side, upside down, and a mirror: each as ffmpeg turns it."""
    clips.make("a.mp4", *X264, size="322x180", frames=4)
    for name, a, b, c, d, across in (("90", 0, 1, -1, 0, True), ("270", 0, -1, 1, 0, True), ("180", -1, 0, 0, -1, False),
                                     ("mirror", -1, 0, 0, 1, False), ("flip", 1, 0, 0, -1, False)):
        with_matrix("a.mp4", f"{name}.mp4", (a, b, 0, c, d, 0, 0, 0, 1))
        frames, log = play(f"{name}.mp4", 4, fps=50)
        assert {(f["width"], f["height"]) for f in frames} == {(180, 322) if across else (322, 180)}, name
        clips.check_order(frames, clips.md5s(f"{name}.mp4"))
        assert "it is turned by" in log and ("mirrored" in log) == (name in ("mirror", "flip")), log


def test_rotated_through_gstreamer():
    """The same promise, whoever decodes it."""
    clips.make("a.mp4", *X264, size="322x180", frames=4)
    for name, a, b, c, d in (("90", 0, 1, -1, 0), ("270", 0, -1, 1, 0), ("180", -1, 0, 0, -1)):
        with_matrix("a.mp4", f"{name}.mp4", (a, b, 0, c, d, 0, 0, 0, 1))
        with Camera(f"gst:filesrc location={name}.mp4 ! decodebin", loop=True) as camera:
            frames = camera.frames(4)
            assert f"it is turned by {name} degrees" in camera.stop()
        clips.check_order(frames, clips.md5s(f"{name}.mp4"))


def test_both_diagonals_and_an_angle_between():
    """Turned and mirrored in one; ffmpeg's player knows these by name."""
    clips.make("a.mp4", *X264, size="322x180", frames=4)
    for name, b, c in (("cclock_flip", 1, 1), ("clock_flip", -1, -1)):
        with_matrix("a.mp4", f"{name}.mp4", (0, b, 0, c, 0, 0, 0, 0, 1))
        frames, _ = play(f"{name}.mp4", 4, fps=50)
        clips.check_order(frames, clips.md5s("a.mp4", "-vf", "transpose=" + name))
    with_matrix("a.mp4", "b.mp4", (0.7071, 0.7071, 0, -0.7071, 0.7071, 0, 0, 0, 1))
    frames, log = play("b.mp4", 4, fps=50)
    assert (frames[0]["width"], frames[0]["height"]) == (322, 180) and "by 45 degrees, which is not done" in log


def test_rotated_and_changed():
    """Crop, mask, size and other formats hold for the picture as it is seen."""
    clips.make("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p10le", size="322x180", frames=4)
    with_matrix("a.mp4", "b.mp4", (0, 1, 0, -1, 0, 0, 0, 0, 1))
    frames, _ = play("b.mp4", 4, fps=50, width=90, crop="0 0.5 1 0.5", mask="0 0 1 1", format="NV12")
    assert {(f["width"], f["height"], f["format"]) for f in frames} == {(90, 82, "NV12")}
    assert len({f["md5"] for f in frames}) == 1, "something is left of a picture that is masked altogether"


def test_photograph_that_lies_on_its_side():
    """As telephones write it: the Exif data say so."""
    clips.make("a.jpg", "-pix_fmt", "yuvj420p", size="320x180", frames=1)
    with Image.open("a.jpg") as picture:
        exif = picture.getexif()
        exif[274] = 6  # to be turned by 90 degrees
        picture.save("b.jpg", exif=exif, quality=95, subsampling="4:2:0")
        upright = numpy.asarray(picture.convert("L").rotate(-90, expand=True)).astype(int)
    with Camera("file:b.jpg", loop=True) as camera:
        frame = camera.frames(1, raw="raw")[0]
    assert (frame["width"], frame["height"]) == (180, 320)
    luma = numpy.fromfile("raw", numpy.uint8)[:180 * 320].reshape(320, 180)
    assert abs(luma - upright).mean() < 5


def test_no_time_stamps():
    path = clips.make("a.h264", *X264, fps=25, frames=25)
    frames, _ = play(path, 10)
    assert 0.25 < (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9 < 3
    path = clips.make("a.mjpeg", "-f", "mjpeg", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", frames=10)
    play(path, 10)


def test_truncated():
    """A stream is played as far as it goes; a file without its table of contents is not."""
    path = clips.make("a.ts", *X264, "-g", "5", size="640x360", frames=25)
    copy_with(path, "cut.ts", lambda data: data[:len(data) * 3 // 4 + 77])
    play("cut.ts", 30, fps=50)
    path = clips.make("a.mp4", *X264, size="640x360", frames=25)
    copy_with(path, "cut.mp4", lambda data: data[:len(data) - 3000])
    refused("cut.mp4", "file 'cut.mp4' is ")


def test_damaged_in_the_middle():
    random.seed(5)

    def spoil(data):
        for _ in range(60):
            data[random.randrange(1000, len(data))] ^= random.randrange(1, 256)
        return data
    for name in ("a.ts", "a.mkv", "a.avi"):
        path = clips.make(name, *X264, "-g", "5", size="640x360", frames=25)
        copy_with(path, "spoilt-" + name, spoil)
        play("spoilt-" + name, 30, fps=50)


def test_sound_only_and_cover_only():
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "a.wav")
    refused("a.wav", "file 'a.wav' has no video in it")
    clips.make("cover.png", frames=1)
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", "cover.png", "-map", "0", "-map", "1", "-disposition:v:0",
           "attached_pic", "-c:v", "png", "-c:a", "flac", "a.flac")
    refused("a.flac", "file 'a.flac' has no video in it")


def test_zero_bytes_and_zeroes():
    open("empty.mp4", "wb").close()
    refused("empty.mp4", "file 'empty.mp4' is empty")
    with open("zeroes.mp4", "wb") as stream:
        stream.write(bytes(100000))
    refused("zeroes.mp4", "file 'zeroes.mp4' is neither a video nor a picture")


def test_sizes_that_change_and_huge_rates():
    with open("both.ts", "wb") as out:
        for size in ("320x180", "640x360", "160x120"):
            with open(clips.make("part.ts", *X264, size=size, frames=8), "rb") as part:
                out.write(part.read())
    frames, _ = play("both.ts", 30, fps=50)
    assert {(f["width"], f["height"]) for f in frames} == {(320, 180)}
    play(clips.make("fast.mkv", *X264, fps=480, frames=20), 20)


def test_one_frame_and_interlaced():
    play(clips.make("one.mp4", *X264, frames=1), 5, fps=25)
    play(clips.make("interlaced.mpg", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", size="720x576", frames=10), 10)


def test_transparent_and_palette():
    for name, codec in (("a.mov", ("-c:v", "qtrle", "-pix_fmt", "argb")), ("a.gif", ()), ("a.webm", ("-c:v", "libvpx", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p"))):
        frames, _ = play(clips.make(name, *codec, size="160x120", frames=6), 6, fps=50)
        assert (frames[0]["width"], frames[0]["height"]) == (160, 120)


def test_packets_are_published_for_those_who_ask():
    """Put together again, they are the file's video. For nobody there are none."""
    path = clips.make("a.mp4", *X264, "-g", "5", "-bf", "0", frames=20)
    wanted = clips.md5s(path)
    with Camera(f"file:{path}", loop=True, fps=50) as camera:
        camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("published", 0) > 10)
        assert topic("front/packets")["next_seq"] == 0
        subprocess.run([os.environ["ZOETROPE_BUILD"] + "/tests/packets", "front/packets", "20", "out.h264"], check=True, timeout=30)
    ffmpeg("-r", "25", "-i", "out.h264", "-c", "copy", "out.mp4")
    got = clips.md5s("out.mp4")
    assert len(got) >= 15 and set(got) <= set(wanted)
