# SPDX-License-Identifier: Apache-2.0
"""What docs/gstreamer.md says: each command runs as it stands there, each property is there with that default."""
# limit: 120 s
import os
import re
import shlex
import signal
import subprocess

from support import wait_for
from support.camera import topic
from support.gst import Gst
from support.zoetrope import BUILD, CACHE, SOURCE, domain_entries, program

OURS = ("zoetropesrc", "zoetropesink")


def document(path="docs/gstreamer.md"):
    with open(os.path.join(SOURCE, path), encoding="utf-8") as stream:
        return stream.read()


def commands(path="docs/gstreamer.md"):
    """Every line of its sh blocks about GStreamer."""
    blocks = re.findall(r"^```sh\n(.*?)^```", document(path), re.S | re.M)
    lines = [line for block in blocks if re.search("gst-|zoetrope cat", block) for line in block.splitlines()]
    return [line.replace("build/gst", BUILD + "/gst").replace("cache/", CACHE + "/").replace("build/cli", BUILD + "/cli")
            for line in lines]


def test_commands():
    """Those that publish for ever run while those that end by themselves read from them."""
    lines = commands()
    finite = [line for line in lines if "num-buffers" in line or "gst-launch" not in line]
    publishers = [line for line in lines if line not in finite]
    assert len(publishers) == 3 and len(finite) >= 7
    running = []
    try:
        for line in publishers:
            running.append(subprocess.Popen(shlex.split(line), stdout=subprocess.DEVNULL, env=dict(os.environ)))
            name = re.search(r"topic=(\w+)", line)[1]
            wait_for(lambda name=name: topic(name) and topic(name)["next_seq"], 20, f"frames of {name}")
        for line in finite:
            if line.startswith("export "):
                continue
            done = subprocess.run(["bash", "-ec", line], capture_output=True, text=True, timeout=50)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
    finally:
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            process.wait(20)
    with open("front.png", "rb") as stream:
        assert stream.read(8) == b"\x89PNG\r\n\x1a\n"
    probed = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,width,nb_read_frames",
                             "-of", "csv=p=0", "yard.mkv"], capture_output=True, text=True, timeout=20)
    assert probed.stdout.strip() == "mjpeg,640,45", probed
    assert not domain_entries() or program("clean").returncode == 0


def test_readme():
    """Its publisher, and what reads from it in another terminal."""
    export, publish, read, cat = commands("README.md")
    publish = publish.replace("num-buffers=60", "num-buffers=300")  # time enough on a loaded machine
    cat = cat.replace("--frames 50", "--frames 10")
    with subprocess.Popen(["bash", "-ec", f"{export}\nexec {publish}"], stdout=subprocess.DEVNULL):
        wait_for(lambda: topic("bars"), 20, "the topic")
        for line in (cat, read):
            done = subprocess.run(["bash", "-eo", "pipefail", "-c", line], capture_output=True, text=True, timeout=50)
            assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert os.path.getsize("bars.png") > 1000 and os.path.getsize("bars.mp4") > 1000
    assert not domain_entries() or program("clean").returncode == 0


def properties(name):
    """Our own of an element: those that its GStreamer parent has not."""
    element = Gst.ElementFactory.make(name)
    parent = {"zoetropesrc": "appsrc", "zoetropesink": "fakesink"}[name]
    inherited = {spec.name for spec in Gst.ElementFactory.make(parent).list_properties()
                 if spec.owner_type.name in ("GstBaseSrc", "GstBaseSink", "GstElement", "GstObject", "GstPushSrc")}
    return {spec.name: (spec, element.get_property(spec.name)) for spec in element.list_properties() if spec.name not in inherited}


def test_inspect_reads_well():
    for name in OURS:
        rows = dict(re.findall(r"^\| ([\w-]+) \| ([\w.]*) ?\|", document().split(f"| {name} | default")[1].split("\n\n")[0], re.M))
        rows.pop("---", None)
        ours = properties(name)
        assert ours.keys() == rows.keys()
        shown = subprocess.run(["gst-inspect-1.0", name], capture_output=True, text=True, timeout=50)
        assert shown.returncode == 0 and "Long-name                Zoetrope topic" in shown.stdout, shown
        for key, (spec, value) in ours.items():
            assert spec.blurb in shown.stdout and len(spec.blurb) > 25 and spec.nick[0].isupper() and not spec.blurb.endswith(".")
            said = getattr(value, "value_nick", value)
            if key != "counts":
                assert rows[key] == ("" if said is None else str(said).lower()), (name, key, said)


def test_module_is_whole():
    """It needs no file of ours beside it, and shows nothing but what GStreamer looks for."""
    module = os.path.join(BUILD, "gst", "libgstzoetrope.so")
    needed = subprocess.run(["readelf", "-d", module], capture_output=True, text=True, check=True).stdout
    assert "libzoetrope" not in needed
    shown = subprocess.run(["nm", "-D", "--defined-only", module], capture_output=True, text=True, check=True).stdout
    assert not re.search(r" (zoe|zi)_", shown) and "gst_plugin_zoetrope_get_desc" in shown
