# SPDX-License-Identifier: Apache-2.0
"""What the camera publishes from a file is, bit by bit, what ffmpeg decodes from it."""
import subprocess

import clips
from support.camera import Camera, run
from support.zoetrope import cached

X264 = ("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")
LIMITED, FULL = 1, 2
BT601, BT709 = 1, 2


def play(path, count, wanted, **options):
    """Frames of a looped file, which must be the wanted ones in order; and the log."""
    with Camera(f"file:{path}", loop=True, fps=50, **options) as camera:
        frames = camera.frames(count)
        log = camera.stop()
    clips.check_order(frames, wanted)
    return frames, log


def lies_in_decoder_buffer(frame):
    """The decoder's buffers have more rows than the picture, and spare bytes behind each plane; copies have neither."""
    return frame["offsets"][1] > frame["strides"][0] * frame["height"]


def test_h264_with_reordering_decoded_into_slots():
    path = clips.make("a.mp4", *X264, "-bf", "3", "-refs", "5", "-b-pyramid", "normal", "-g", "20")
    frames, _ = play(path, 100, clips.md5s(path))
    assert {(f["format"], f["width"], f["height"], f["range"]) for f in frames} == {("YU12", 322, 178, LIMITED)}
    assert sum(lies_in_decoder_buffer(f) for f in frames) >= 90, "decoded somewhere else, and copied"


def test_h264_with_sixteen_references():
    path = clips.make("a.mkv", *X264, "-bf", "8", "-refs", "16", "-b-pyramid", "normal", frames=60)
    frames, _ = play(path, 120, clips.md5s(path))
    assert sum(lies_in_decoder_buffer(f) for f in frames) >= 60


def test_mpeg4_with_reordering():
    path = clips.make("a.avi", "-c:v", "mpeg4", "-bf", "2", "-q:v", "3")
    frames, _ = play(path, 100, clips.md5s(path))
    assert sum(lies_in_decoder_buffer(f) for f in frames) >= 90


def test_transport_stream_and_raw_h264():
    for name in ("a.ts", "a.h264"):
        path = clips.make(name, *X264, "-bf", "2", "-g", "10", frames=30)
        play(path, 70, clips.md5s(path))


def test_vp9_keeps_its_references():
    path = clips.make("a.webm", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "500k")
    play(path, 100, clips.md5s(path))


def test_codecs_that_change_a_picture_in_place():
    """GIF and Cinepak draw over the picture before; a published one must stay as it was."""
    path = clips.make("a.avi", "-c:v", "cinepak", size="160x120", frames=15)
    play(path, 45, clips.md5s(path, "-pix_fmt", "rgb24"))
    path = clips.make("a.gif", size="160x120", frames=15)
    with Camera(f"file:{path}", loop=True, fps=50) as camera:
        frames = camera.frames(45)
    assert {f["format"] for f in frames} == {"YU12"}
    assert len({f["md5"] for f in frames}) == 15


def test_mjpeg_is_full_range_601():
    path = clips.make("a.avi", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "3")
    frames, _ = play(path, 60, clips.md5s(path))
    assert {(f["format"], f["range"], f["matrix"]) for f in frames} == {("YU12", FULL, BT601)}


def test_other_formats_stay():
    for pixels, format_name in (("yuv422p", "422P"), ("yuv444p", "YM24")):
        path = clips.make(f"{pixels}.mp4", "-c:v", "libx264", "-pix_fmt", pixels, frames=20)
        frames, _ = play(path, 40, clips.md5s(path))
        assert {f["format"] for f in frames} == {format_name}
    for pixels, format_name in (("yuyv422", "YUYV"), ("uyvy422", "UYVY"), ("nv12", "NV12")):
        path = clips.make(f"{pixels}.nut", "-c:v", "rawvideo", "-pix_fmt", pixels, frames=10)
        frames, _ = play(path, 20, clips.md5s(path))
        assert {f["format"] for f in frames} == {format_name}


def test_png_picture_is_rgb():
    path = clips.make("a.png", "-pix_fmt", "rgb24", frames=1)
    frames, _ = play(path, 5, clips.md5s(path))
    assert {(f["format"], f["width"], f["height"], f["range"]) for f in frames} == {("RGB3", 322, 178, FULL)}


def test_ten_bits_become_eight():
    path = clips.make("a.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p10le", frames=20)
    with Camera(f"file:{path}", loop=True, fps=50) as camera:
        frames = camera.frames(40)
        log = camera.stop()
    assert {(f["format"], f["width"], f["height"]) for f in frames} == {("YU12", 322, 178)}
    assert "yuv420p10le of 322x178 is converted to YU12 of 322x178" in log


def test_range_and_matrix_are_passed_on():
    cases = ((("-color_range", "pc", "-colorspace", "bt709"), "320x240", FULL, BT709),
             (("-color_range", "tv", "-colorspace", "smpte170m"), "1280x720", LIMITED, BT601),
             ((), "320x240", LIMITED, BT601), ((), "1280x720", LIMITED, BT709))
    for number, (options, size, range_wanted, matrix) in enumerate(cases):
        path = clips.make(f"{number}.mp4", *X264, *options, size=size, frames=4)
        with Camera(f"file:{path}", loop=True) as camera:
            frame = camera.frames(1)[0]
        assert (frame["range"], frame["matrix"]) == (range_wanted, matrix), (options, size)


def test_wanted_size():
    path = clips.make("a.mp4", *X264, size="640x360", frames=10)
    with Camera(f"file:{path}", loop=True, width=320) as camera:
        frames = camera.frames(3)
        metrics = camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("published", 0) > 3)["metrics"]
    assert {(f["width"], f["height"], f["format"]) for f in frames} == {(320, 180, "YU12")}
    assert (metrics["width"], metrics["height"], metrics["format"]) == (320, 180, "YU12")
    with Camera(f"file:{path}", loop=True, width=200, height=300) as camera:
        assert {(f["width"], f["height"]) for f in camera.frames(3)} == {(200, 300)}


def test_size_that_changes_within_the_file():
    """The topic keeps the size of the first frame; later ones are scaled to it."""
    small = clips.make("s.h264", *X264, size="320x180", frames=10)
    large = clips.make("l.h264", *X264, size="640x360", frames=10)
    with open("both.h264", "wb") as out:
        for path in (small, large):
            with open(path, "rb") as part:
                out.write(part.read())
    with Camera("file:both.h264", loop=True, fps=50) as camera:
        frames = camera.frames(45)
    assert {(f["width"], f["height"]) for f in frames} == {(320, 180)}
    assert len({f["md5"] for f in frames}) >= 20


def test_sound_is_ignored():
    clips.make("silent.mp4", *X264)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", "silent.mp4", "-f", "lavfi", "-i", "sine=duration=2",
                    "-c:v", "copy", "-c:a", "aac", "a.mp4"], check=True, timeout=60)
    play("a.mp4", 60, clips.md5s("a.mp4", "-map", "0:v"))


def test_file_ends_once():
    path = clips.make("a.mp4", *X264, frames=10)
    with Camera(f"file:{path}", fps=50) as camera:
        state = camera.wait_state("off")
        assert state["reason"] == "end of file"
        assert state["metrics"]["published"] == 10
        assert camera.turn(True)["actual"], "capture on plays it again"
        assert camera.receive(lambda m: m["type"] == "state" and m["state"] == "off")["metrics"]["published"] == 20


def test_picture_without_loop_is_published_once():
    path = clips.make("a.jpg", frames=1)
    with Camera(f"file:{path}") as camera:
        state = camera.wait_state("off")
        assert (state["reason"], state["metrics"]["published"]) == ("end of file", 1)


def test_names_that_look_like_something_else():
    """A '%' is no sequence of pictures, a ':' no protocol."""
    clips.make("a%03d.png", "-update", "1", "-pix_fmt", "rgb24", frames=1)
    path = clips.make("file:http:x.mp4", *X264, frames=4).removeprefix("file:")
    for source in ("file:a%03d.png", f"file:{path}", "a%03d.png"):
        with Camera(source, loop=True) as camera:
            assert len(camera.frames(2)) == 2


def test_unknown_scheme():
    result = run("gopher://user:secret@127.0.0.1/x?y=1")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "'gopher://127.0.0.1/x...': there is no camera driver 'gopher:'; there are file:, rtsp:, rtsps:, http:, https:, images:, v4l2:, gst:, test:" in result.stderr


def test_real_footage():
    """vtest.avi, msmpeg4v3: its first 100 frames."""
    path = cached("vtest.avi")
    wanted = clips.md5s(path)
    assert len(wanted) == 795
    frames, log = play(path, 100, wanted)
    assert "YU12 768x576, 50 frames a second" in log
    assert sum(lies_in_decoder_buffer(f) for f in frames) >= 90
