# SPDX-License-Identifier: Apache-2.0
"""Network cameras: a real RTSP server, killed, silenced, spoilt, asked for a login. Needs python3-gi and GStreamer."""
import io
import os
import subprocess
import time

from PIL import Image
from support.camera import Camera, Reader, run, topic
from support.http import free_port
from support.jpeg import check_preview_passes
from support.rtsp import RtspServer
from support.wait import promised, wait_for
from support.zoetrope import BUILD, PROGRAM, Zoetrope

STALL_SECONDS, BACK_SECONDS = 1.0, 2.0
USER, PASSWORD = "viewer", "S3cret-9%"
PICTURES, CAPS = "videotestsrc pattern=red", "video/x-raw,format=I420,width=640,height=360"  # as rtsp_server.py sends them
RED_V = 230  # of pure red, about 240 in both matrices


def udp_ports(pid):
    """How many UDP sockets a process has open."""
    with open("/proc/net/udp", encoding="ascii") as stream:
        inodes = {line.split()[9] for line in stream.readlines()[1:]}
    folder = f"/proc/{pid}/fd"
    return sum(os.readlink(f"{folder}/{entry}").removeprefix("socket:[").rstrip("]") in inodes for entry in os.listdir(folder))


def middle_v(raw, width, height):
    """V of the middle pixel of the last I420 picture in a file of tight pictures."""
    with open(raw, "rb") as stream:
        picture = stream.read()[-width * height * 3 // 2:]
    return picture[width * height * 5 // 4 + height // 4 * width // 2 + width // 4]


def after(camera, sequence):
    """Wait until frames of a higher number are published."""
    camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("sequence", 0) > sequence)


def test_h264_and_mjpeg_by_tcp_and_udp():
    with RtspServer() as server:
        for path in ("h264", "mjpeg"):
            for transport in ("tcp", "udp"):
                with Camera(server.uri(path), transport=transport) as camera:
                    frames = camera.frames(10, raw="raw")
                    assert bool(udp_ports(camera.process.pid)) == (transport == "udp")
                    assert camera.wait_state("streaming")["reason"] == ""
                assert {(f["format"], f["width"], f["height"]) for f in frames} == {("YU12", 640, 360)}
                assert all(b["capture_ns"] > a["capture_ns"] for a, b in zip(frames, frames[1:]))
                assert middle_v("raw", 640, 360) > RED_V, "the picture is not red"


def scan(jpeg):
    """What the encoder wrote of the picture itself; its tables go by RTP as numbers, and its headers not at all."""
    begin = jpeg.index(b"\xff\xda")
    return jpeg[begin + 2 + int.from_bytes(jpeg[begin + 2:begin + 4], "big"):jpeg.index(b"\xff\xd9", begin)]


def test_mjpeg_is_passed_on_as_it_came():
    """The bytes that the server's encoder wrote are on the topic and in the preview; nobody decodes them."""
    subprocess.run(["gst-launch-1.0", "-q", *f"{PICTURES} num-buffers=1 ! {CAPS} ! jpegenc ! filesink location=sent.jpg".split()], check=True, timeout=60)
    with open("sent.jpg", "rb") as stream:
        sent = scan(stream.read())
    with RtspServer() as server, Zoetrope({"cameras": {"front": {"source": server.uri("mjpeg")}}, "preview": {}}) as zoe:
        got = subprocess.run([PROGRAM, "cat", "--raw", "--frames=1", "front/jpeg"], check=True, capture_output=True, timeout=30).stdout
        assert len(sent) > 1000 and scan(got) == sent
        with Image.open(io.BytesIO(got)) as picture:
            assert picture.size == (640, 360) and picture.convert("RGB").getpixel((320, 180))[0] > RED_V
        check_preview_passes(zoe, {got})


def test_sound_is_ignored_and_said_to_be():
    with RtspServer() as server, Camera(server.uri("sound")) as camera:
        assert len(camera.frames(5)) == 5
        assert not udp_ports(camera.process.pid), "TCP unless told otherwise"
        assert "its sound is ignored" in camera.stop()


def test_wanted_size_and_rate():
    with RtspServer() as server, Camera(server.uri("h264"), width=320, fps=5) as camera:
        frames = camera.frames(12)
    assert {(f["width"], f["height"]) for f in frames} == {(320, 180)}
    seconds = (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9
    assert 1.5 < seconds < 11, f"11 steps of 0.2 s took {seconds} s"


def test_killed_and_restarted():
    """Readers keep their handle, and the sequence has no hole; the process is the same."""
    with RtspServer() as server, Camera(server.uri("h264")) as camera:
        reader = Reader(100000)
        reader.next()
        server.kill()
        assert "has ended its stream" in camera.wait_state("lost")["reason"] or "broke off" in camera.last["reason"]
        state = camera.wait_state("retrying")
        assert "nobody listens there; is the camera on" in state["reason"]
        assert topic()["publishers"] == 1, "the topic must stay"
        sequence = state["metrics"]["sequence"]
        server.start()
        began = time.monotonic()
        camera.wait_state("streaming")
        promised("back after the server's restart", time.monotonic() - began, BACK_SECONDS)
        while reader.next()["seq"] <= sequence:
            pass
        reader.kill()
        assert [f["seq"] for f in reader.first] == list(range(reader.first[0]["seq"], reader.first[0]["seq"] + len(reader.first)))
        assert camera.next_state()["metrics"]["losses"] == 1


def test_silence_is_a_stall_then_a_loss():
    with RtspServer() as server, Camera(server.uri("h264")) as camera:
        camera.wait_state("streaming")
        after(camera, 10)
        server.tell("silence 1")
        began = time.monotonic()
        assert "no frame comes" in camera.wait_state("stalled")["reason"]
        promised("stall noticed", time.monotonic() - began, STALL_SECONDS)
        assert "gives no picture any more" in camera.wait_state("lost")["reason"]
        server.tell("silence 0")
        began = time.monotonic()
        camera.wait_state("streaming")
        promised("back after silence", time.monotonic() - began, BACK_SECONDS)


def test_not_there_at_the_start():
    server = RtspServer()
    with Camera(server.uri("h264")) as camera:
        assert "nobody listens there" in camera.wait_state("retrying")["reason"]
        with server:
            camera.wait_state("streaming")


def test_off_while_it_connects():
    """A server that accepts and says nothing must not hold up the switch, nor the end."""
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent, Camera(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/x") as camera:
        connection = silent.accept()[0]
        answer = camera.turn(False)
        assert not answer["actual"]
        promised("capture off", answer["seconds"], 0.1)
        assert wait_for(lambda: connection.recv(4096) == b"", 5, "the connection to be closed")
        connection.close()
        camera.turn(True)
        connection = silent.accept()[0]
        began = time.monotonic()
        camera.stop()
        promised("the end", time.monotonic() - began, 1.0)
        connection.close()


def test_size_that_changes():
    """The topic follows; a reader goes on with the same handle."""
    with RtspServer() as server, Camera(server.uri("h264")) as camera:
        reader = Reader(100000)
        assert (reader.next()["width"], reader.first[0]["height"]) == (640, 360)
        for width, height in ((320, 240), (1280, 720), (640, 360)):
            server.tell(f"size {width}x{height}")
            while (reader.next()["width"], reader.first[-1]["height"]) != (width, height):
                pass
            camera.receive(lambda m: m["type"] == "state" and m["metrics"].get("width") == width)
        reader.kill()
        state = camera.next_state()
        assert state["state"] == "streaming" and state["metrics"]["losses"] == 0
    seqs = [f["seq"] for f in reader.first]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))


def test_damaged_and_cut_streams():
    """Bytes are changed and pictures left out: frames go on, and are whole again afterwards."""
    with RtspServer() as server:
        for path in ("h264", "mjpeg"):
            with Camera(server.uri(path)) as camera:
                camera.wait_state("streaming")
                for spoilt in ("damage 0.01", "drop 0.4"):
                    server.tell(spoilt)
                    camera.next_state()
                    camera.next_state()
                    server.tell(spoilt.split()[0] + " 0")
                camera.wait_state("streaming")
                camera.frames(28)  # past the next key picture; JPEGs are decoded only for those who read
                camera.frames(3, raw="raw")
                assert middle_v("raw", 640, 360) > RED_V, path


def test_login():
    os.environ["CAM_PASSWORD"] = PASSWORD.replace("%", "%25")
    with RtspServer(USER, PASSWORD) as server:
        with Camera(server.uri("h264", USER + ":${CAM_PASSWORD}")) as camera:
            assert len(camera.frames(3)) == 3
            assert "S3cret" not in camera.stop()
        for login in ("", USER + ":wrong-S3cret"):
            with Camera(server.uri("h264", login)) as camera:
                state = camera.wait_state("retrying")
                assert "refuses the login; write the source as rtsp://${USER}:${PASSWORD}@" in state["reason"]
                assert "S3cret" not in str(state) + camera.stop()


def test_no_secret_is_shown_anywhere():
    """Whether from the environment or written into the file: not in the log, ps, the state, the web."""
    os.environ["CAM_PASSWORD"] = PASSWORD.replace("%", "%25")
    with RtspServer(USER, PASSWORD) as server:
        cameras = {"right": {"source": server.uri("h264", USER + ":${CAM_PASSWORD}")},
                   "wrong": {"source": server.uri("h264", USER + ":wrong-S3cret")},
                   "away": {"source": f"rtsp://{USER}:S3cret@127.0.0.1:{free_port()}/h264?password=S3cret"},
                   "query": {"source": f"rtsp://127.0.0.1:{free_port()}/h264?password=S3cret"},
                   "pipe": {"source": f"gst:rtspsrc location=rtsp://me:S3cret!x@127.0.0.1:{free_port()}/x user-pw=\"S3cret x\" ! decodebin"},
                   "second": {"source": "test:", "detect_source": "gst:souphttpsrc location=http://127.0.0.1:1/ user-pw='S3cret' ! jpegdec"}}
        wanted = ["streaming", *["retrying"] * 4, "streaming"]
        with Zoetrope({"cameras": cameras, "preview": {}}, ready=False) as zoe:
            zoe.wait_answers()
            wait_for(lambda: [zoe.process_state("camera " + name).get("state") for name in cameras] ==
                     wanted and "detect_source" in zoe.process_state("camera second").get("reason", ""), 40, "cameras to have tried")
            seen = str(zoe.state()) + str(zoe.get("/api/v1/state")) + zoe.ctl("status").stdout + zoe.log()
            for pid in zoe.pids().values():
                with open(f"/proc/{pid}/cmdline", "rb") as stream:
                    seen += stream.read().decode()
            with open(f"/proc/{zoe.process.pid}/cmdline", "rb") as stream:
                seen += stream.read().decode()
        assert "S3cret" not in seen + zoe.log()
        assert "right" in seen and "refuses the login" in seen


def test_a_variable_that_is_not_set():
    """The camera says which; its command line has nothing of the rest."""
    zoe = Zoetrope({"cameras": {"front": {"source": "rtsp://me:S3cret@${NOBODY_SET_THIS}/x"}}}, ready=False)
    with zoe:
        assert zoe.process.wait(20) == 1
        log = zoe.log()
    assert "environment variable NOBODY_SET_THIS is not set" in log and "S3cret" not in log


def test_addresses_that_make_no_sense():
    for source, words in (("rtsp:", "names no host"), ("rtsp:///x", "names no host"), ("http://:80/", "names no host"),
                          ("http://", "wanted for example http://"), ("rtsp://127.0.0.1:99999/x", "wanted one from 1 to 65535"),
                          ("rtsp://127.0.0.1:/x", "names no port"), ("http://me:S3cret@[::1]:0/", "names no port")):
        result = run(source)
        assert "S3cret" not in result.stderr, result.stderr
        assert result.returncode == 1 and result.stderr.count("\n") == 1 and words in result.stderr, result.stderr


def test_addresses_that_look_odd():
    """An @ behind the host belongs to no login, and digits before it are no port."""
    for source in ("rtsp://127.0.0.1:9/user=me@", "rtsp://me:99999@127.0.0.1:9/x", "rtsp://[::1]:9/x:99999"):
        with Camera(source) as camera:
            assert "cannot be reached" in camera.wait_state("retrying")["reason"], source


def test_decoder_by_name():
    with RtspServer() as server:
        with Camera(server.uri("h264"), decoder="h264") as camera:
            assert len(camera.frames(2)) == 2
        result = run(server.uri("h264"), decoder="mjpeg")
        assert "decoder 'mjpeg' reads mjpeg, but the video of rtsp://127.0.0.1" in result.stderr and "is h264" in result.stderr
        result = run(server.uri("h264"), decoder="h264_nonsense")
        assert result.returncode == 1 and "'h264_nonsense' is not in this libavcodec" in result.stderr
