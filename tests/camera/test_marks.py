# SPDX-License-Identifier: Apache-2.0
"""The test camera's marks can be read from its picture at any size, in any format, after JPEG and after scaling."""
import subprocess

import numpy
from support import marks
from support.camera import Camera

SIZES = ((160, 120), (322, 240), (640, 480), (1280, 720), (1920, 1080))
FFMPEG_PIXELS = {"YU12": "yuv420p", "NV12": "nv12", "YUYV": "yuyv422", "UYVY": "uyvy422", "RGB3": "rgb24", "BGR3": "bgr24",
                 "GREY": "gray"}


def pictures(source, count, width, height, **options):
    """(frame, RGB array) of the camera's frames; the conversion is ffmpeg's."""
    with Camera(source, width=width, height=height, **options) as camera:
        frames = camera.frames(count, raw="raw")
    matrix = {1: "bt601", 2: "bt709"}.get(frames[0]["matrix"], "bt601")
    scale = f"scale=in_color_matrix={matrix}:in_range={'full' if frames[0]['range'] == 2 else 'limited'}"
    raw = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", FFMPEG_PIXELS[frames[0]["format"]],
                          "-s", f"{width}x{height}", "-i", "raw", "-vf", scale, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         check=True, capture_output=True, timeout=60).stdout
    return list(zip(frames, numpy.frombuffer(raw, numpy.uint8).reshape(count, height, width, 3)))


def through_jpeg(picture, quality, size=None):
    """As after JPEG with 4:2:0, and perhaps scaled."""
    height, width = picture.shape[:2]
    jpeg = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
                           "-i", "-", "-pix_fmt", "yuvj420p", "-q:v", str(quality), "-f", "mjpeg", "-"],
                          input=picture.tobytes(), check=True, capture_output=True, timeout=60).stdout
    width, height = size or (width, height)
    raw = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "mjpeg", "-i", "-", "-vf", f"scale={width}:{height}",
                          "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                         input=jpeg, check=True, capture_output=True, timeout=60).stdout
    return numpy.frombuffer(raw, numpy.uint8).reshape(height, width, 3)


def check(frame, picture, number_before=None):
    read = marks.read(picture)
    assert read, "the marks cannot be read"
    number, capture_ns = read
    assert capture_ns == frame["capture_ns"]
    assert number_before is None or number > number_before
    return number


def test_sizes():
    for width, height in SIZES:
        number = None
        for frame, picture in pictures("test:", 3, width, height):
            number = check(frame, picture, number)


def test_formats():
    for name in ("I420", "NV12", "YUYV", "UYVY", "RGB24", "BGR24", "GREY"):
        for frame, picture in pictures(f"test:?format={name}", 2, 640, 480):
            number = check(frame, picture)
            x, y, side = marks.square(number, 640, 480)
            if name != "GREY":
                assert abs(picture[y + side // 2, x + side // 2].astype(int) - marks.SQUARE_RGB).max() <= 4


def test_square_moves_as_documented():
    for width, height in SIZES:
        for frame, picture in pictures("test:", 3, width, height, fps=60):
            x, y, side = marks.square(check(frame, picture), width, height)
            red = (picture[..., 0] > 160) & (picture[..., 1] < 90)
            rows, columns = numpy.nonzero(red)
            assert (rows.min(), rows.max(), columns.min(), columns.max()) == (y, y + side - 1, x, x + side - 1)


def test_after_jpeg_and_scaling():
    for width, height in SIZES:
        frame, picture = pictures("test:", 1, width, height)[0]
        for quality in (2, 8, 31):
            check(frame, through_jpeg(picture, quality))
        assert marks.read(through_jpeg(picture, 5, (800, 450)), (width, height)), (width, height)


def test_damage_is_noticed():
    _, picture = pictures("test:", 1, 640, 480)[0]
    spoilt = picture.copy()
    side = marks.block_side(640, 480)
    spoilt[:side, 17 * side:18 * side] = 255 - spoilt[:side, 17 * side:18 * side]
    assert marks.read(spoilt) is None
    assert marks.read(numpy.zeros((480, 640))) is None


def test_cost():
    """720p30 must leave the machine to others: at most 5 % of one core."""
    with Camera("test:") as camera:
        with open(f"/proc/{camera.process.pid}/schedstat", encoding="ascii") as stat:
            camera.frames(10)
            before = int(stat.read().split()[0])
            frames = camera.frames(90)
            stat.seek(0)
            spent = int(stat.read().split()[0]) - before
    share = spent / (frames[-1]["publish_ns"] - frames[0]["publish_ns"])
    print(f"measured: {share * 100:.1f} % of a core, promised 5 %")
    assert share < 5 * 0.05
