# SPDX-License-Identifier: Apache-2.0
"""`zoetrope devices` where there is no camera; what it shows of one is tested in the guest (tests/v4l2)."""
import json
import os

from support.zoetrope import program


def cameras():
    return [name for name in os.listdir("/dev") if name.startswith("video")]


def test_no_device():
    assert not cameras(), "this machine has a camera: the test is for those that have none"
    done = program("devices")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "there is no video device (/dev/video0 ...) on this machine" in done.stderr and "Network cameras need none" in done.stderr
    done = program("devices", "--json")
    assert done.returncode == 1 and json.loads(done.stdout) == []


def test_not_a_device():
    done = program("devices", "/dev/null", "/dev/video77")
    assert done.returncode == 1 and done.stderr == ""
    assert "/dev/null is not a V4L2 device; wanted a video device" in done.stdout
    assert "/dev/video77: there is no such camera" in done.stdout
    null = json.loads(program("devices", "--json", "/dev/null").stdout)[0]
    assert null["device"] == "/dev/null" and "is not a V4L2 device" in null["error"]


def test_wrong_option():
    done = program("devices", "--jsn")
    assert done.returncode == 2 and "did you mean '--json'" in done.stderr
