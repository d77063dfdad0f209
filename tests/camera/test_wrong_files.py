# SPDX-License-Identifier: Apache-2.0
"""A source that cannot be played ends the camera with status 1 and one sentence that names it."""
import os
import subprocess

import clips
from support.camera import run

X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def check(source, sentence, **options):
    result = run(source, **options)
    print(result.stderr.strip())
    assert result.returncode == 1, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert sentence in result.stderr, result.stderr


def cut(path, out, size):
    with open(path, "rb") as whole, open(out, "wb") as part:
        part.write(whole.read(size))


def test_no_file():
    check("file:missing.mp4", "file 'missing.mp4' does not exist")
    check("missing.mp4", "file 'missing.mp4' does not exist")
    check("file:", "names no file")


def test_no_video():
    with open("text.mp4", "w", encoding="utf-8") as stream:
        stream.write("These are words, and no video at all.\n" * 200)
    with open("text.txt", "w", encoding="utf-8") as stream:
        stream.write("Not a video either.\n" * 200)
    with open("noise.avi", "wb") as stream:
        stream.write(os.urandom(100000))
    open("empty.mp4", "wb").close()
    check("file:text.mp4", "file 'text.mp4' ")
    check("file:text.txt", "file 'text.txt' ")
    check("file:noise.avi", "file 'noise.avi' ")
    check("file:empty.mp4", "file 'empty.mp4' is empty")


def test_sound_only():
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "sine=duration=1", "a.wav"], check=True)
    check("file:a.wav", "file 'a.wav' has no video in it")


def test_folder_and_pipe():
    os.mkdir("folder")
    os.mkfifo("pipe")
    check("file:folder", "file 'folder' is a directory")
    check("file:pipe", "file 'pipe' is not a regular file")
    check("file:/dev/zero", "file '/dev/zero' is not a regular file")


def test_no_permission():
    clips.make("a.mp4", *X264, frames=3)
    os.chmod("a.mp4", 0)
    if os.geteuid() != 0:
        check("file:a.mp4", "must not be read by this user; permission was denied")
        return
    # root may read everything, so become nobody; its domain must be its own
    os.chmod(".", 0o755)
    result = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", os.environ["ZOETROPE_BUILD"] + "/roles/zoetrope-camera",
         "--source=file:a.mp4", "--domain=/dev/shm/zt-nobody-" + str(os.getpid())],
        capture_output=True, text=True, timeout=20)
    subprocess.run(["rm", "-rf", "/dev/shm/zt-nobody-" + str(os.getpid())], check=True)
    assert result.returncode == 1
    assert "file 'a.mp4' must not be read by this user; permission was denied" in result.stderr, result.stderr


def test_cut_short():
    """An MP4 has its table of contents at the end; a stream without a whole picture; half a JPEG."""
    path = clips.make("a.mp4", *X264, size="640x360", frames=25)
    cut(path, "cut.mp4", os.path.getsize(path) // 2)
    check("file:cut.mp4", "file 'cut.mp4' ")
    path = clips.make("a.mkv", *X264, size="640x360", frames=25)
    cut(path, "cut.mkv", 1500)
    check("file:cut.mkv", "file 'cut.mkv' ")
    for name, kind in (("a.jpg", "jpg"), ("a.png", "png")):
        path = clips.make(name, size="640x360", frames=1)
        cut(path, f"cut.{kind}", os.path.getsize(path) // 2)
        check(f"file:cut.{kind}", f"file 'cut.{kind}' ")


def test_no_network():
    """A playlist that names an address must not make the camera call it."""
    with open("list.m3u8", "w", encoding="utf-8") as stream:
        stream.write("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    check("file:list.m3u8", "file 'list.m3u8' ")


def test_size_out_of_range():
    clips.make("a.mp4", *X264, frames=3)
    result = run("file:a.mp4", width=20000)
    assert result.returncode == 2 and "width" in result.stderr


def test_test_camera():
    check("test:?format=RGBA", "wanted 'test:' or 'test:?format=F'")
    check("test:x", "wanted 'test:'")
    check("test:", "even sizes from 160x120", width=100, height=100)
    check("test:", "even sizes", width=641, height=480)
