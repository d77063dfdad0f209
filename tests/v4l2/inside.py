# SPDX-License-Identifier: Apache-2.0
"""What runs in the guest (test_guest.py): the cases of the V4L2 driver, each a function case_...; results go to /run/out/results.

/dev/video0 a webcam; /dev/video1 the same with several planes; what is written to the output /dev/video3 comes in at /dev/video2, as by an
HDMI cable; /dev/video10 and 11 are loop-back devices, which take no memory but their own.
"""
import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import traceback

import test_conformance
from support.camera import FRAMES, Camera, Reader, command
from support.wait import promised, wait_for
from support.zoetrope import program

OUT = "/run/out"
UNBIND, BIND = "/sys/bus/platform/drivers/vivid/unbind", "/sys/bus/platform/drivers/vivid/bind"
CODES = {"NV12": "NV12", "I420": "YU12", "YUYV": "YUYV", "UYVY": "UYVY", "I422": "422P", "RGB24": "RGB3", "BGR24": "BGR3",
         "GREY": "GREY"}
SMALL = {"width": 320, "height": 180}


def ctl(device, *arguments):
    done = subprocess.run(["v4l2-ctl", "-d", device, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


def captured(device, width, height, code):
    """MD5 of a picture that v4l2-ctl gets, without our code."""
    ctl(device, "-v", f"width={width},height={height},pixelformat={code}")
    ctl(device, "--stream-mmap", "--stream-count=1", "--stream-skip=2", "--stream-to=/tmp/one")
    with open("/tmp/one", "rb") as stream:
        return hashlib.md5(stream.read()).hexdigest()


def metrics(camera, wanted=lambda m: m.get("published", 0) > 0):
    return camera.receive(lambda m: m["type"] == "state" and wanted(m["metrics"]))["metrics"]


def check_sequence(frames):
    """Ours is without holes, the device's only rises, and the kernel's times do, too."""
    seqs = [f["seq"] for f in frames]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), seqs
    assert all(b["capture_ns"] > a["capture_ns"] for a, b in zip(frames, frames[1:])), [f["capture_ns"] for f in frames]
    assert all(f["publish_ns"] >= f["capture_ns"] for f in frames)
    assert all(b["device_sequence"] > a["device_sequence"] >= 0 for a, b in zip(frames, frames[1:]))


def case_in_place():
    """The device writes into the slots: a subscriber in another process reads what the kernel wrote, byte for byte."""
    wanted = captured("/dev/video0", 640, 360, "NV12")
    with Camera("v4l2:/dev/video0", width=640, height=360) as camera:
        frames = camera.frames(30)
        counts = metrics(camera, lambda m: m.get("published", 0) >= 30)
        log = camera.stop()
    check_sequence(frames)
    assert {f["md5"] for f in frames} == {wanted}
    assert counts["in_place"] == counts["published"] and counts["copied"] == 0, counts
    assert re.search(r"NV12 640x360.*least work.*written into slots", log), log
    return f"{counts['in_place']} frames in place, {counts['copied']} copied, {counts['fps']:.1f} frames a second"


def case_formats():
    for name, code in CODES.items():
        wanted = captured("/dev/video0", 320, 180, code)
        with Camera("/dev/video0", format=name, **SMALL) as camera:
            frames = camera.frames(3)
            counts = metrics(camera)
        assert {(f["format"], f["md5"]) for f in frames} == {(code, wanted)}, (name, wanted, frames)
        assert counts["in_place"] and not counts["copied"], (name, counts)
    return ", ".join(CODES) + " as the kernel wrote them, in place"


def case_planes():
    """The multi-planar interface."""
    for name in ("NV12", "YUYV"):
        wanted = captured("/dev/video1", 320, 180, CODES[name])
        with Camera("v4l2:/dev/video1", format=name, **SMALL) as camera:
            frames = camera.frames(3)
            counts = metrics(camera)
        assert {(f["format"], f["md5"]) for f in frames} == {(CODES[name], wanted)}, (name, wanted, frames)
        assert counts["in_place"] and not counts["copied"], (name, counts)


def case_memory_planes():
    """Luma and chroma in a piece of memory each."""
    for code, name in (("NM12", "NV12"), ("YM12", "YU12")):
        wanted = captured("/dev/video1", 320, 180, code)
        with Camera(f"v4l2:/dev/video1?format={code}", **SMALL) as camera:
            frames = camera.frames(3)
            counts = metrics(camera)
            log = camera.stop()
        assert {(f["format"], f["md5"]) for f in frames} == {(name, wanted)}, (code, wanted, frames)
        assert counts["in_place"] and not counts["copied"] and f"{code} 320x180" in log, (code, counts, log)
    return "NM12, YM12 in place"


def case_mask_is_copied():
    with Camera("v4l2:/dev/video0", format="NV12", mask="0 0 1 0.5", **SMALL) as camera:
        frames = camera.frames(3, raw="/tmp/raw")
        counts = metrics(camera)
    assert counts["copied"] and not counts["in_place"], counts
    with open("/tmp/raw", "rb") as stream:
        luma = stream.read(320 * 180)
    assert set(luma[:320 * 88]) == {16 if frames[0]["range"] == 1 else 0} and len(set(luma[320 * 92:])) > 2


def case_converted():
    """A size and a rate that it has not."""
    with Camera("v4l2:/dev/video0", width=500, height=300, format="NV12", fps=5) as camera:
        frames = camera.frames(6)
        counts = metrics(camera)
        log = camera.stop()
    seconds = (frames[-1]["capture_ns"] - frames[0]["capture_ns"]) / 1e9
    assert {(f["width"], f["height"], f["format"]) for f in frames} == {(500, 300, "NV12")}
    assert 0.9 < seconds, seconds
    assert counts["copied"] and not counts["in_place"] and "nearest to 500x300" in log and "converted" in log, (counts, log)
    return f"5 steps of 0.2 s took {seconds:.2f} s"


def case_dropped_by_the_driver():
    ctl("/dev/video0", "-c", "percentage_of_dropped_buffers=30,timestamp_source=1")
    try:
        with Camera("v4l2:/dev/video0", **SMALL) as camera:
            frames = camera.frames(60)
            counts = metrics(camera, lambda m: m.get("device_lost", 0) > 0 and m["published"] >= 60)
    finally:
        ctl("/dev/video0", "-c", "percentage_of_dropped_buffers=0,timestamp_source=0")
    check_sequence(frames)
    gaps = sum(b["device_sequence"] - a["device_sequence"] - 1 for a, b in zip(frames, frames[1:]))
    assert 0 < gaps <= counts["device_lost"] and counts["drops"] == 0, (gaps, counts)
    # the kernel tells whole microseconds; our own clock tells nanoseconds (ends of frames vivid puts into the future: they are not believed)
    assert not [f["capture_ns"] for f in frames if f["capture_ns"] % 1000], "not the kernel's times"
    assert [f["publish_ns"] for f in frames if f["publish_ns"] % 1000]
    return f"{gaps} gaps in the device's numbers of 60 frames, none in ours; device_lost {counts['device_lost']}, drops 0"


def case_damaged():
    with Camera("v4l2:/dev/video0", **SMALL) as camera:
        camera.frames(3)
        ctl("/dev/video0", "-c", "inject_v4l2_buf_flag_error=1")
        counts = metrics(camera, lambda m: m.get("device_damaged", 0) > 0)
    assert counts["losses"] == 0, counts
    return f"device_damaged {counts['device_damaged']}, streaming on"


def case_devices():
    """What v4l2-ctl says, too; and what cannot be opened says why."""
    ctl("/dev/video0", "-c", "brightness=77")
    done = program("devices", "--json")
    devices = {device["device"]: device for device in json.loads(done.stdout)}
    assert done.returncode == 0 and {"/dev/video0", "/dev/video1", "/dev/video2"} <= set(devices), devices.keys()
    webcam = devices["/dev/video0"]
    assert (webcam["card"], webcam["driver"], webcam["source"]) == ("vivid", "vivid", "v4l2:/dev/video0"), webcam
    formats = {one["format"]: one for one in webcam["formats"]}
    codes = re.findall(r"'(....)'", ctl("/dev/video0", "--list-formats"))  # big endian ones have more behind them
    assert [code for code in formats if not code.endswith(".")] == codes, (list(formats), codes)
    assert formats["NV12"]["read"] and not formats["RGBP"]["read"]
    sizes = {(size["width"], size["height"]): size["rates"] for size in formats["YUYV"]["sizes"]}
    assert max(sizes[640, 360]) == 40, sizes
    controls = {control["name"]: control for control in webcam["controls"]}
    listed = set(re.findall(r"^ *(\w+) 0x", ctl("/dev/video0", "--list-ctrls"), re.M))
    assert listed - set(controls) <= {name for name in listed if name.startswith(("u8_", "u16_", "u32_", "area", "s32_"))}, listed - set(controls)
    brightness = {"name": "brightness", "type": "number", "min": 0, "max": 255, "step": 1, "default": 128, "value": "77", "read_only": False,
                  "inactive": False}
    assert controls["brightness"] == brightness, controls["brightness"]
    assert controls["osd_text_mode"]["value"] in controls["osd_text_mode"]["menu"] and controls["horizontal_flip"]["type"] == "switch"
    assert "does not capture video" in devices["/dev/video3"]["error"]
    text = program("devices", "/dev/video0").stdout
    assert "/dev/video0: vivid (driver vivid, bus platform:vivid-000); in a configuration: source: v4l2:/dev/video0\n" in text, text
    assert re.search(r"^ +brightness += 77 +0\.\.255, default 128$", text, re.M) and re.search(r"^ +640x360  .*40.* frames a second$", text, re.M)
    os.chmod("/dev/video0", 0o660)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{os.environ['ZOETROPE_BUILD']}/cli/zoetrope",
                           "devices", "/dev/video0"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "no permission" in done.stdout and "usermod -aG" in done.stdout, done
    ctl("/dev/video0", "-c", "brightness=128")
    return f"{len(formats)} formats, {len(controls)} controls"


def now(name, device="/dev/video0"):
    return ctl(device, "-C", name).split(":")[1].strip()


def case_controls():
    """By the configuration, and while it runs; a device that comes back is set again."""
    with Camera("v4l2:/dev/video0", controls="brightness=20,horizontal_flip=on", **SMALL) as camera:
        reader = Reader(100000)
        reader.next()
        assert (now("brightness"), now("horizontal_flip")) == ("20", "1")
        answer = camera.set(brightness=200, contrast="30", horizontal_flip=False, osd_text_mode="none")
        assert answer["actual"] == {"brightness": "200", "contrast": "30", "horizontal_flip": "off", "osd_text_mode": "none"}, answer
        assert (now("brightness"), now("contrast"), now("horizontal_flip")) == ("200", "30", "0")
        for wanted, sentence in (({"brightness": 256}, "control 'brightness' of /dev/video0: wanted a whole number from 0 to 255, found '256'"),
                                 ({"brightnes": 1}, "has no control 'brightnes'; did you mean 'brightness'?"),
                                 ({"osd_text_mode": "some"}, "wanted one of all,"), ({"horizontal_flip": "left"}, "wanted on or off"),
                                 ({"gain": 300}, "wanted a whole number from")):
            error = camera.set(**wanted).get("error", "")
            assert sentence in error, (wanted, error)
        assert now("brightness") == "200"
        write(UNBIND, "vivid.0")
        camera.wait_state("retrying")
        assert "no such camera" in camera.set(contrast=1)["error"]
        write(BIND, "vivid.0")
        last = camera.wait_state("streaming")["metrics"]["sequence"]
        while reader.next()["seq"] <= last:
            pass
        reader.kill()
        assert (now("brightness"), now("contrast"), now("osd_text_mode")) == ("200", "30", "2 (None)"), now("osd_text_mode")
    done = subprocess.run(command("v4l2:/dev/video0", "front", {"controls": "brightness=999"}), capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "wanted a whole number from 0 to 255, found '999'" in done.stderr, done
    for name in ("brightness=128", "contrast=128"):
        ctl("/dev/video0", "-c", name)


def case_size_while_it_runs():
    """Another size, another format: the device writes into slots of the next generation, and the reader goes on."""
    with Camera("v4l2:/dev/video0", **SMALL) as camera:
        reader = Reader(100000)
        reader.next()
        for wanted in ({"width": 640, "height": 360, "format": "YUYV"}, {"width": 320, "height": 180, "format": "NV12"}):
            answer = camera.set(**wanted)
            assert (answer["actual"], answer["reason"]) == (wanted, ""), answer
            promised("another size", answer["seconds"], 2)
            while [(f := reader.next())["width"], f["height"], f["format"]] != list(wanted.values()):
                pass
        assert camera.set(fps=10)["actual"] == {"fps": 10}
        for _ in range(200):  # until the frames from before have been read
            reader.next()
            times = [f["capture_ns"] for f in reader.first[-5:]]
            steps = [b - a for a, b in zip(times, times[1:])]
            if min(steps) > 95_000_000:
                break
        reader.kill()
        counts = metrics(camera)
    seqs = [f["seq"] for f in reader.first]
    assert all(b == a + 1 + f["lost"] for a, b, f in zip(seqs, seqs[1:], reader.first[1:])), seqs
    assert min(steps) > 95_000_000, f"not ten frames a second: {steps}"
    assert counts["copied"] == 0 and counts["losses"] == 0, counts


def case_hdmi():
    """Real footage out of one device and into another: a subscriber reads it byte for byte, and nothing was copied."""
    size = 640 * 480 * 2
    with open(f"{OUT}/footage.yuyv", "rb") as stream:
        pictures = list(iter(lambda: stream.read(size), b""))
    shutil.copy(f"{OUT}/footage.yuyv", "/tmp")  # memory: it is read 60 times a second
    ctl("/dev/video3", "-o", "0", "--set-dv-bt-timings", "index=0")
    ctl("/dev/video2", "-i", "0", "--set-dv-bt-timings", "index=0")
    ctl("/dev/video3", "-x", "width=640,height=480,pixelformat=YUYV")
    ctl("/dev/video2", "-v", "width=640,height=480,pixelformat=YUYV", "-c", "loop_video=1,osd_text_mode=2")
    player = subprocess.Popen(["v4l2-ctl", "-d", "/dev/video3", "--stream-out-mmap", "--stream-from=/tmp/footage.yuyv", "--stream-loop"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Camera("v4l2:/dev/video2", width=640, height=480, format="YUYV") as camera:
            sent, reader, got = {hashlib.md5(picture).hexdigest() for picture in pictures}, Reader(100000), []
            for _ in range(600):  # until the first one has arrived there is noise, or what was there before
                one = reader.next()["md5"]
                got = [*got, one] if one in sent else []
                if len(got) == 20:
                    break
            reader.kill()
            counts = metrics(camera)
    finally:
        player.kill()
        player.wait()
        ctl("/dev/video2", "-c", "loop_video=0")
    assert len(got) == 20 and counts["copied"] == 0, (len(got), counts)
    return f"20 frames in a row are pictures of the footage, {len(set(got))} different ones; none copied"


def case_disconnected():
    """The node stays, and takes nobody until the last one has closed it."""
    return again_after(lambda: ctl("/dev/video0", "-c", "disconnect=1"))


def fails_once(control, sentence, **options):
    """The call fails when the camera is turned on: said, tried again, streaming."""
    with Camera("v4l2:/dev/video0", capture=False, **SMALL, **options) as camera:
        ctl("/dev/video0", "-c", f"{control}=1")
        reason = camera.turn(True)["reason"] or camera.last["reason"] or camera.receive(lambda m: m["type"] == "state" and m["reason"])["reason"]
        assert f"/dev/video0: cannot {sentence}" in reason, (control, reason)
        camera.wait_state("streaming")
        assert len(camera.frames(3)) == 3
    return reason


def case_errors_of_calls():
    again_after(lambda: ctl("/dev/video0", "-c", "inject_vidioc_qbuf_error=1"), says="cannot give it a buffer")
    return "; ".join((fails_once("inject_vidioc_streamon_error", "start it"),
                      fails_once("inject_vidioc_reqbufs_error", "get buffers", mask="0 0 1 0.5")))


def case_refused_our_memory():
    """A device that refuses buffers, or the first of them, is read by its own, copied once."""
    for control in ("inject_vidioc_reqbufs_error", "inject_vidioc_qbuf_error"):
        wanted = captured("/dev/video0", 320, 180, "NV12")
        with Camera("v4l2:/dev/video0", capture=False, format="NV12", **SMALL) as camera:
            ctl("/dev/video0", "-c", f"{control}=1")
            camera.turn(True)
            frames = camera.frames(5)
            counts = metrics(camera)
        check_sequence(frames)
        assert {f["md5"] for f in frames} == {wanted} and counts["losses"] == 0, (control, counts)
        assert counts["copied"] == counts["published"] and not counts["in_place"], (control, counts)


def case_numbers_that_wrap():
    """The device's numbers begin again at 0 after 4294967295, and buffers are dropped: each of those is counted once, and no other."""
    most = 1 << 32
    with Camera("v4l2:/dev/video0", buffers=64, **SMALL) as camera:
        reader = Reader(100000)
        reader.next()
        camera.turn(False)
        before = camera.receive(lambda m: m["type"] == "state" and m["state"] == "off")["metrics"]
        ctl("/dev/video0", "-c", "wrap_sequence_number=1,percentage_of_dropped_buffers=20")
        try:
            camera.turn(True)
            while reader.next()["seq"] <= before["sequence"]:
                pass
            first = reader.first[-1]["device_sequence"]
            while reader.next()["device_sequence"] > most // 2:
                pass
            wrapped = reader.first[-1]["seq"]
            after = metrics(camera, lambda m: m["sequence"] > wrapped)
            while reader.first[-1]["seq"] < after["sequence"]:
                reader.next()
        finally:
            ctl("/dev/video0", "-c", "wrap_sequence_number=0,percentage_of_dropped_buffers=0")
        reader.kill()
    seqs = [f["seq"] for f in reader.first if before["sequence"] < f["seq"]]
    last = reader.first[-1]["device_sequence"]
    assert seqs == list(range(before["sequence"] + 1, after["sequence"] + 1)), seqs
    assert first > most - 200 and last < most // 2, (first, last)
    lost = after["device_lost"] - before["device_lost"]
    assert lost == (last - first) % most - (len(seqs) - 1) > 0 and after["drops"] == before["drops"], (lost, first, last, len(seqs), after)
    return f"from {first} to {last}, {lost} of these lost"


def case_crop():
    """A part of what the device wrote into the slot, byte for byte; nothing is copied."""
    for name, planes in (("NV12", ((1, 1), (1, 2))), ("YUYV", ((2, 1),))):
        captured("/dev/video0", 320, 180, CODES[name])
        with open("/tmp/one", "rb") as stream:
            wanted = b""
            for across, down in planes:  # bytes of a pixel in a row, rows to a row of the plane
                plane = stream.read(320 * across * 180 // down)
                wanted += b"".join(plane[320 * across * y + 80 * across:320 * across * y + 240 * across]
                                   for y in range(90 // down // 2 * 2, 90 // down // 2 * 2 + 90 // down))
        with Camera("v4l2:/dev/video0", format=name, crop="0.25 0.5 0.5 0.5", width=160, height=90) as camera:
            frames = camera.frames(3, raw="/tmp/raw")
            counts = metrics(camera)
        with open("/tmp/raw", "rb") as stream:
            got = stream.read(len(wanted))
        assert {(f["format"], f["width"], f["height"]) for f in frames} == {(CODES[name], 160, 90)}, frames[0]
        assert got == wanted and counts["in_place"] and not counts["copied"], (name, len(got), counts)


def again_after(harm, mend=None, says=""):
    """Lost, tried again, streaming again, with the same process and the same reader."""
    with Camera("v4l2:/dev/video0", **SMALL) as camera:
        reader = Reader(100000)
        reader.next()
        camera.wait_state("streaming")
        harm()
        away = camera.receive(lambda m: m["type"] == "state" and m["state"] == ("retrying" if mend else "lost"))
        assert says in away["reason"], away
        if mend:
            mend()
        began = time.monotonic()
        sequence = camera.wait_state("streaming")["metrics"]["sequence"]
        seconds = time.monotonic() - began
        while reader.next()["seq"] <= sequence:
            pass
        reader.kill()
        counts = metrics(camera, lambda m: m["losses"] > 0)
    seqs = [f["seq"] for f in reader.first]
    assert seqs == list(range(seqs[0], seqs[0] + len(seqs))), seqs
    assert counts["copied"] == 0, counts
    return f"{away['state']}: '{away['reason']}', back after {seconds:.2f} s"


def case_fatal_error():
    return again_after(lambda: ctl("/dev/video0", "-c", "inject_fatal_streaming_error=1"))


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)


def case_unplugged_and_plugged():
    def unplug():
        write(UNBIND, "vivid.0")

    def plug():
        assert not os.path.exists("/dev/video0")
        write(BIND, "vivid.0")

    return again_after(unplug, plug)


def case_busy():
    other = subprocess.Popen(["v4l2-ctl", "-d", "/dev/video0", "--stream-mmap", "--stream-to=/dev/null"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(f"/proc/{other.pid}/fd") and any(
            "vb2" in line or "/dev/video0" in line for line in open(f"/proc/{other.pid}/maps", encoding="utf-8")), 20, "v4l2-ctl")
        with Camera("v4l2:/dev/video0", **SMALL) as camera:
            reason = camera.receive(lambda m: m["type"] == "state" and m["reason"])["reason"]
            assert f"busy: it is used by process {other.pid} (v4l2-ctl)" in reason, reason
            other.kill()
            other.wait()
            camera.wait_state("streaming")
    finally:
        other.kill()
        other.wait()
    return reason


def case_no_permission():
    os.chown("/dev/video0", 0, 44)
    os.chmod("/dev/video0", 0o660)
    os.makedirs("/dev/shm/nobody", exist_ok=True)
    os.chown("/dev/shm/nobody", 65534, 65534)
    process = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command("v4l2:/dev/video0", "front", SMALL),
                                "--domain=/dev/shm/nobody"], stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    process.terminate()
    process.communicate(timeout=20)
    assert "/dev/video0: no permission" in line and "group video" in line and "usermod -aG video" in line, line
    return line.strip()


def case_wrong():
    for source, sentence in (("v4l2:/dev/video3", "does not capture"), ("v4l2:/dev/null", "is not a V4L2 device")):
        done = subprocess.run(command(source, "front", {}), capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and sentence in done.stderr, done
    with Camera("v4l2:/dev/video77") as camera:
        reason = camera.receive(lambda m: m["type"] == "state" and m["reason"])["reason"]
        assert "there is no such camera" in reason and "/dev/video0" in reason, reason
    return reason


def samples(path, size):
    """Some bytes of each picture in a file."""
    with open(path, "rb") as stream:
        return [picture[::487] for picture in iter(lambda: stream.read(size), b"")]


def digest(path):
    with open(path, "rb") as stream:
        return hashlib.md5(stream.read()).hexdigest()


def case_h264():
    """Decoded to the very pixels that ffmpeg gets; and what is compressed is a topic."""
    sender = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "-1", "-re", "-i", f"{OUT}/video.ts", "-c", "copy",
                               "-f", "v4l2", "/dev/video11"], stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: "H264" in subprocess.run(["v4l2-ctl", "-d", "/dev/video11", "-V"], capture_output=True, text=True).stdout,
                 60, "ffmpeg to send")
        with Camera("v4l2:/dev/video11") as camera:
            reader = Reader(12, "front/packets")
            frames = camera.frames(12)
            packets = reader.wait()
            log = camera.stop()
        with Camera("v4l2:/dev/video11?format=H264", fps=3) as camera:
            fewer = camera.frames(6)
    finally:
        sender.kill()
        sender.wait()
    with open(f"{OUT}/video.md5", encoding="utf-8") as stream:
        wanted = [line.split(",")[-1].strip() for line in stream if not line.startswith("#")]
    good = [f["md5"] in wanted for f in frames]
    assert all(good[-6:]) and {(f["format"], f["width"], f["height"]) for f in frames} == {("YU12", 320, 180)}, (good, frames[0])
    assert "H264" in log and "decoded" in log and len(packets) == 12, log
    # of ten a second every third is published, but all are decoded: those between key pictures, each fifth, need those before them
    seconds = (fewer[-1]["capture_ns"] - fewer[0]["capture_ns"]) / 1e9
    between = [wanted.index(f["md5"]) % 5 for f in fewer if f["md5"] in wanted]
    assert seconds > 1.25 and sum(place > 0 for place in between) >= 2, (seconds, between)
    return f"{sum(good)} of 12 pictures as ffmpeg decodes them (before the first key picture there is none)"


def case_mjpeg():
    """A device that sends JPEGs, gives fewer buffers than asked, and takes no memory but its own."""
    sender = subprocess.Popen(["ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "-1", "-re", "-i", f"{OUT}/pictures.avi", "-c", "copy",
                               "-f", "v4l2", "/dev/video10"])
    try:
        wait_for(lambda: "MJPG" in subprocess.run(["v4l2-ctl", "-d", "/dev/video10", "-V"], capture_output=True, text=True).stdout,
                 60, "ffmpeg to send")
        with Camera("v4l2:/dev/video10") as camera:
            jpegs = Reader(12, "front/jpeg").wait()
            undecoded = metrics(camera, lambda m: m["fps"] > 0)
            frames = camera.frames(12, raw="/tmp/raw")
            counts = metrics(camera)
            log = camera.stop()
    finally:
        sender.kill()
        sender.wait()
    assert undecoded["published"] == 0 and undecoded["jpeg"], undecoded
    files = {digest(f"{OUT}/picture{number}.jpg") for number in range(1, 11)}
    assert {f["format"] for f in jpegs} == {"MJPG"}, jpegs[0]
    odd = [(f["seq"], f["size"]) for f in jpegs if f["md5"] not in files]  # v4l2loopback's first buffer may be half a picture
    assert not [number for number, _ in odd if number], (odd, files)
    assert {(f["format"], f["width"], f["height"], f["range"]) for f in frames} == {("422P", 640, 360, 2)}, frames[0]
    sent, got = (samples(path, 640 * 360 * 2) for path in (f"{OUT}/pictures.yuv", "/tmp/raw"))
    off = [min(max(abs(a - b) for a, b in zip(one, other)) for other in sent) for one in got]
    assert max(off) <= 4, off  # two decoders, which round in their own ways
    assert counts["copied"] and not counts["in_place"] and "MJPG" in log and "decoded" in log, (counts, log)
    return f"12 pictures, {len({f['md5'] for f in frames})} different ones, at most {max(off)} off what ffmpeg decodes"


class Webcam:
    """For the checks that hold for all drivers."""
    name, uri, options, can_vanish = "v4l2", "v4l2:/dev/video0", {"width": 640, "height": 360}, True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def vanish(self):
        write(UNBIND, "vivid.0")

    def come_back(self):
        write(BIND, "vivid.0")


def conformance():
    """As tests/camera/test_conformance.py runs them over the other drivers; the mask has a case of its own here."""
    test_conformance.every_source = lambda: [Webcam()]
    return {f"every_driver_{name[5:]}": function for name, function in vars(test_conformance).items()
            if name.startswith("test_") and name != "test_mask_and_crop"}


def run_case(name, function):
    began, text, said, passed = time.monotonic(), io.StringIO(), "", True
    try:
        with contextlib.redirect_stdout(text):
            said = function() or ""
    except BaseException:  # whatever it was, the others are to run
        passed = False
        said = traceback.format_exc()
    with open(f"{OUT}/results", "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"case": name, "passed": passed, "seconds": time.monotonic() - began,
                                 "said": said if passed else text.getvalue() + said}) + "\n")
    print("ok  " if passed else "FAIL", name, flush=True)


def warm_up():
    """The first time programs come slowly through 9p, on a busy machine for more than 10 s; no case is about that."""
    for arguments in (command("test:none", "front", {}), [FRAMES]):
        assert subprocess.run(arguments, capture_output=True, timeout=120).returncode in (1, 2), arguments


def main():
    warm_up()
    for device in ("/dev/video0", "/dev/video1"):
        ctl(device, "-c", "osd_text_mode=2")
    cases = {name[5:]: function for name, function in globals().items() if name.startswith("case_")} | conformance()
    for name, function in cases.items():
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            run_case(name, function)
    run_case("end", lambda: "")


main()
