# SPDX-License-Identifier: Apache-2.0
"""info, top and ls say who is on a topic and who holds what, of real processes."""
import json
import os
import re
import subprocess
from contextlib import contextmanager

from support import wait_for
from support.zoetrope import BUILD, DOMAIN, program


@contextmanager
def started(name, *arguments):
    """A program of examples/ or tests/, ended with SIGKILL."""
    folder = "examples" if name in ("publish", "subscribe") else "tests"
    with subprocess.Popen([os.path.join(BUILD, folder, name), *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def info(topic):
    done = program("info", "--json", topic)
    return json.loads(done.stdout) if done.returncode == 0 else None


def parties(topic, role):
    return [party for party in (info(topic) or {}).get("parties", []) if party["role"] == role]


@contextmanager
def front(*reading):
    """A publisher of pictures and a subscriber that reads that way; the subscriber holds a frame and waits for a line."""
    with started("publish", "front") as publisher:
        wait_for(lambda: parties("front", "publisher"), 10, "the publisher")
        with started("hold_frame", "front", *reading) as subscriber:
            subscriber.stdout.readline()
            yield publisher, subscriber
    assert program("clean").returncode == 0


def test_info():
    with front("lossy") as (publisher, subscriber):
        wait_for(lambda: info("front")["next_seq"] > 8, 10, "frames")
        said = info("front")
        assert (said["publishers"], said["subscribers"], said["dead"], said["width"], said["height"]) == (1, 1, 0, 640, 480)
        publishes, = parties("front", "publisher")
        assert (publishes["pid"], publishes["program"], publishes["record"]) == (publisher.pid, "publish", 0)
        assert publishes["alive"] and publishes["published"] >= 8
        reads, = parties("front", "subscriber")
        assert (reads["pid"], reads["program"], reads["mode"], reads["group"]) == (subscriber.pid, "hold_frame", "lossy", "")
        assert (reads["taken"], len(reads["pins"])) == (1, 1)
        assert reads["wish"] == {"rate": 5.0, "format": "RGB3", "width": 320, "height": 240, "key_frames": 1}
        assert said["slots_pinned"] == 1 and said["slots_loaned"] <= 1


def test_who_holds_what_for_how_long():
    with front("lossy"):
        before = parties("front", "subscriber")[0]["pins"][0]
        wait_for(lambda: info("front")["next_seq"] > 20, 10, "frames")
        after = parties("front", "subscriber")[0]["pins"][0]
        assert after["slot"] == before["slot"]
        assert 0.3 < after["held_at_most_seconds"] - before["held_at_most_seconds"] < 10
        text = program("info", "front").stdout
        assert re.search(rf"^slot held +subscriber +pid +since at most\n{after['slot']} +0 +\d+ +\d+\.\d+ s$", text, re.M), text
        assert re.search(r"^publisher +pid +program +published +waits +repairs\n0 +\d+ publish +\d+ +0 +0$", text, re.M), text
        assert re.search(r"^0 +\d+ hold_frame +1 +0 +\d+ +1  lossy +5\.0 fps RGB3 320x240$", text, re.M), text
        listed, = json.loads(program("ls", "--json").stdout)
        assert listed["longest_held_seconds"] >= after["held_at_most_seconds"] and listed["slots_pinned"] == 1


def test_modes():
    with front("group") as (publisher, _):
        assert parties("front", "subscriber")[0]["group"] == "pair"
        assert "group pair" in program("info", "front").stdout
        publisher.kill()
        publisher.wait()
        assert info("front")["dead"] == 1 and not parties("front", "publisher")[0]["alive"]
        assert "(dead)" in program("info", "front").stdout


def test_top():
    with front("lossy") as (publisher, subscriber):
        seen = json.loads(program("top", "--once", "--json", "--interval=500ms").stdout)
        assert [(party["topic"], party["role"], party["pid"]) for party in seen] == \
            [("front", "publisher", publisher.pid), ("front", "subscriber", subscriber.pid)]
        assert 5 < seen[0]["rate"] < 30 and seen[1]["rate"] == 0
        text = program("top", "--once", "--interval=100ms").stdout
        assert re.match(r"topic +party +pid +program +rate +frames +lost +waits +repairs +pins +held +mode\n", text), text
        assert re.search(rf"^front +pub 0 +{publisher.pid} publish +\d+\.\d +\d+ +0 +0 +0 +0 +- +$", text, re.M), text
        assert re.search(rf"^front +sub 0 +{subscriber.pid} hold_frame +0\.0 +1 +0 +\d+ +0 +1 +\d+\.\d+ s  lossy$", text, re.M), text


def test_top_goes_on():
    """A table each interval; topics that are not there yet are no error."""
    top = subprocess.Popen([os.path.join(BUILD, "cli", "zoetrope"), "top", "--json", "--interval=50ms"],
                           stdout=subprocess.PIPE, text=True)
    try:
        assert json.loads(top.stdout.readline()) == []
        with started("publish", "front"):
            wait_for(lambda: [party["topic"] for party in json.loads(top.stdout.readline())] == ["front"], 10, "the topic")
            wait_for(lambda: (json.loads(top.stdout.readline())[0]["rate"] or 0) > 0, 10, "a rate")
        assert top.poll() is None
    finally:
        top.kill()
        top.wait()
        top.stdout.close()
    assert program("clean").returncode == 0


def test_nothing_there():
    done = program("info", "front")
    assert done.returncode == 1 and done.stderr == f"zoetrope: info: there is no topic front in the domain {DOMAIN}\n"
    assert program("info", "no such name").returncode == 1
    assert program("top", "--once", "--interval=10ms", "--json").stdout == "[]\n"
    done = program("info")
    assert done.returncode == 2 and "wanted one topic, found 0" in done.stderr
    os.rmdir(DOMAIN)
    assert program("info", "front").returncode == 1 and program("top", "--once", "--interval=10ms").returncode == 0
    assert not os.path.exists(DOMAIN)
