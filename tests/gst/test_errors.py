# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is an error message with a sentence: what was wanted, what was found, what to do."""
import os
import subprocess

from support.camera import Camera
from support.gst import APPSINK, Pipeline
from support.zoetrope import BUILD, DOMAIN

SMALL = "video/x-raw,format=NV12,width=320,height=240"


def error_of(text):
    with Pipeline(text) as pipeline:
        pipeline.begin()
        sentence = pipeline.error()
        print(sentence)
        assert sentence
        return sentence


def test_no_topic():
    assert "set the property topic" in error_of(f"zoetropesrc ! {APPSINK}")
    assert "set the property topic" in error_of("videotestsrc ! zoetropesink")


def test_names_and_domains():
    assert "a b" in error_of(f"zoetropesrc topic=\"a b\" ! {APPSINK}")
    assert "a b" in error_of("videotestsrc ! zoetropesink topic=\"a b\"")
    with open("file", "w", encoding="utf-8"):
        pass
    assert "file" in error_of(f"zoetropesrc topic=front domain={os.path.abspath('file')} ! {APPSINK}")
    assert "file" in error_of(f"videotestsrc ! zoetropesink topic=front domain={os.path.abspath('file')}")


def test_timeouts():
    assert "there was no topic front for 0.1 s" in error_of(f"zoetropesrc topic=front timeout=100000000 ! {APPSINK}")
    with Pipeline(f"videotestsrc ! {SMALL} ! zoetropesink topic=front") as sending:
        sending.pause()
        assert "topic front had no frame for 0.1 s" in error_of(f"zoetropesrc topic=front timeout=100000000 ! {APPSINK}")


def test_lossless_is_not_offered():
    with Pipeline(f"videotestsrc ! {SMALL} ! zoetropesink topic=front") as sending:
        sending.pause()
        assert "lossless" in error_of(f"zoetropesrc topic=front mode=lossless ! {APPSINK}")


def test_what_follows_wants_something_else():
    with Camera("test:?format=GREY", width=320, height=240):
        sentence = error_of(f"zoetropesrc topic=front ! video/x-raw,format=RGB ! {APPSINK}")
    assert "topic front carries GREY pictures of 320x240" in sentence and "videoconvert" in sentence


def test_messages_are_no_pictures():
    with subprocess.Popen([os.path.join(BUILD, "tests", "publish_test"), "front", "320", "240", "30"]) as publisher:
        try:
            sentence = error_of(f"zoetropesrc topic=front/detections ! {APPSINK}")
        finally:
            publisher.terminate()
    assert "carries messages" in sentence


def test_memory_is_full():
    """A domain of 1 MB cannot hold a frame of 3 MB."""
    os.makedirs(DOMAIN, mode=0o700, exist_ok=True)
    script = ('mount -t tmpfs -o size=1M,mode=700 none "$ZOETROPE_DOMAIN" && exec gst-launch-1.0 videotestsrc ! '
              "video/x-raw,format=NV12,width=1920,height=1080 ! zoetropesink topic=front")
    done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True, text=True,
                          timeout=50)
    print(done.stdout, done.stderr)
    assert done.returncode and "bytes" in done.stderr and "front" in done.stderr
