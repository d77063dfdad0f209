# SPDX-License-Identifier: Apache-2.0
"""zoetrope cat: ffmpeg reads it, pixel for pixel; a closed pipe is a clean end; a terminal is refused."""
import json
import os
import pty
import re
import subprocess

from support import wait_for
from support.camera import Camera, Reader
from support.zoetrope import BUILD, PROGRAM, domain_entries, program

CAT = [PROGRAM, "cat"]
FORMATS = {"GREY": "gray", "I420": "yuv420p", "NV12": "nv12", "YUYV": "yuyv422", "UYVY": "uyvy422", "RGB24": "rgb24",
           "BGR24": "bgr24"}


def both(arguments, reader, count):
    """cat into reader, and a subscriber beside it: (what reader printed, {seq: md5} of the subscriber)."""
    beside = Reader(1000000)
    beside.next()  # it is there
    with subprocess.Popen([*CAT, *arguments, f"--frames={count}", "front"], stdout=subprocess.PIPE) as cat:
        done = subprocess.run(reader, stdin=cat.stdout, capture_output=True, timeout=50)
        cat.stdout.close()
        assert cat.wait(20) == 0
    beside.process.kill()
    lines = beside.process.communicate()[0].splitlines()
    seen = [json.loads(line) for line in lines if line.endswith("}")]
    assert done.returncode == 0, done.stderr
    return done.stdout, {frame["seq"]: frame["md5"] for frame in beside.first + seen}


def framemd5(text):
    return re.findall(r"^\d.*, *([0-9a-f]{32})$", text.decode(), re.M)


def in_order(found, beside):
    """Frames that one subscriber got are those that the other got, in the same order."""
    known = [beside[seq] for seq in sorted(beside)]
    places = [known.index(md5) for md5 in found if md5 in known]
    return len(places) >= len(found) // 2 and places == sorted(places) and len(set(places)) == len(places)


def test_y4m_for_ffmpeg():
    """Formats that YUV4MPEG2 has arrive unchanged, with size, rate and range."""
    for name in ("I420", "GREY"):
        with Camera(f"test:?format={name}", width=322, height=242, fps=20):
            command = ["ffmpeg", "-v", "info", "-i", "-", "-pix_fmt", FORMATS[name], "-f", "framemd5", "-"]
            found, beside = both(["--y4m"], command, 12)
        assert len(framemd5(found)) == 12 and in_order(framemd5(found), beside), name
        assert b"#dimensions 0: 322x242" in found and b"#tb 0: 1/20" in found, found.decode()


def test_y4m_takes_apart():
    """NV12, YUYV and UYVY arrive as planes; ffmpeg puts them together again, and not a bit is lost."""
    for name in ("NV12", "YUYV", "UYVY"):
        with Camera(f"test:?format={name}", width=168, height=122, fps=20):
            command = ["ffmpeg", "-v", "error", "-i", "-", "-sws_flags", "neighbor", "-pix_fmt", FORMATS[name], "-f", "framemd5", "-"]
            found, beside = both([], command, 12)
        assert len(framemd5(found)) == 12 and in_order(framemd5(found), beside), name


def test_y4m_refuses():
    """What it refuses, it says how to get."""
    with Camera("test:?format=RGB24", width=320, height=240) as camera:
        camera.wait_state("streaming")
        refused = program("cat", "front", stdin=subprocess.DEVNULL)
    assert refused.returncode == 1 and not refused.stdout
    assert "RGB3 is not YUV4MPEG2: --raw TOPIC | ffmpeg -f rawvideo -pix_fmt rgb24 -s 320x240 -i -" in refused.stderr


def test_raw():
    """Every format, byte for byte and without gaps between rows."""
    for name, pixels in FORMATS.items():
        with Camera(f"test:?format={name}", width=168, height=122, fps=30):
            command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", pixels, "-s", "168x122", "-i", "-", "-f", "framemd5", "-"]
            found, beside = both(["--raw"], command, 10)
        assert len(framemd5(found)) == 10 and in_order(framemd5(found), beside), name


def test_messages():
    with subprocess.Popen([os.path.join(BUILD, "tests", "publish_test"), "front", "320", "240", "30"]) as publisher:
        try:
            wait_for(lambda: "front/detections" in program("ls").stdout, 20, "the messages")
            refused = program("cat", "front/detections", stdin=subprocess.DEVNULL)
            raw = subprocess.run([*CAT, "--raw", "--frames=2", "front/detections"], capture_output=True, timeout=20)
        finally:
            publisher.terminate()
    assert refused.returncode == 1 and "carries messages" in refused.stderr and not refused.stdout
    assert raw.returncode == 0 and len(raw.stdout) > 100


def test_closed_pipe_is_a_clean_end():
    """While frames come, and while none come."""
    with Camera("test:", width=320, height=240, fps=30) as camera:
        camera.wait_state("streaming")
        with subprocess.Popen([*CAT, "front"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cat:
            assert cat.stdout.read(9) == b"YUV4MPEG2"
            cat.stdout.close()
            assert cat.wait(20) == 0 and not cat.stderr.read()
        with subprocess.Popen([*CAT, "front"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cat:
            assert cat.stdout.read(9) == b"YUV4MPEG2"
            camera.turn(False)
            cat.stdout.close()
            assert cat.wait(20) == 0 and not cat.stderr.read()


def test_signals_end_it():
    with Camera("test:", width=320, height=240, fps=30) as camera:
        camera.wait_state("streaming")
        for end in (subprocess.Popen.terminate, lambda process: process.send_signal(2)):
            with subprocess.Popen([*CAT, "--raw", "front"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as cat:
                assert len(cat.stdout.read(320 * 240 * 3 // 2)) == 320 * 240 * 3 // 2
                end(cat)
                cat.stdout.read()
                assert cat.wait(20) == 0 and not cat.stderr.read()


def test_size_changes():
    with Camera("test:", width=320, height=240, fps=30) as camera:
        camera.wait_state("streaming")
        with subprocess.Popen([*CAT, "front"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as cat:
            assert cat.stdout.read(9) == "YUV4MPEG2"
            camera.kill()
            with Camera("test:", width=640, height=480, fps=30):
                said = cat.communicate(timeout=40)[1]
    assert cat.returncode == 1 and "were YU12 320x240 and now are YU12 640x480" in said, said
    assert program("clean").returncode == 0 and not domain_entries()


def test_wrong_calls():
    missing = program("cat", "front", stdin=subprocess.DEVNULL)
    assert missing.returncode == 1 and "front" in missing.stderr and not domain_entries()
    assert "found both" in program("cat", "--raw", "--y4m", "front").stderr
    assert "wanted one topic, found 0" in program("cat").stderr
    master, terminal = pty.openpty()
    done = subprocess.run([*CAT, "front"], stdout=terminal, stderr=subprocess.PIPE, text=True, timeout=20)
    os.close(master)
    os.close(terminal)
    assert done.returncode == 2 and "standard output is a terminal" in done.stderr and "| ffmpeg" in done.stderr
