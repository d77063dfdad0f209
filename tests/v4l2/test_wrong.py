# SPDX-License-Identifier: Apache-2.0
"""What the V4L2 driver says of devices that are none; it needs no camera."""
from support.camera import Camera, run


def test_not_a_video_device():
    for source in ("v4l2:/dev/null", "/dev/null", "v4l2:null"):
        done = run(source)
        assert done.returncode == 1
        assert "/dev/null is not a V4L2 device; wanted a video device that captures, such as v4l2:/dev/video0" in done.stderr


def test_no_name():
    done = run("v4l2:")
    assert done.returncode == 1 and "wanted a device, such as v4l2:/dev/video0" in done.stderr


def test_not_there_is_tried_again():
    with Camera("v4l2:/dev/video77") as camera:
        reason = camera.wait_state("retrying")["reason"]
    assert reason.startswith("/dev/video77: there is no such camera; is it plugged in? Video devices here: ")
