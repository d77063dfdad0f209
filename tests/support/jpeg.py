# SPDX-License-Identifier: Apache-2.0
"""Cameras that send JPEG, and the preview of them."""
from support.wait import wait_for


def check_preview_passes(zoe, pictures):
    """What viewers of `front` get is byte for byte one of those, and nothing is decoded; a smaller picture needs pixels."""
    def camera():
        return zoe.state()["cameras"]["front"]["metrics"]["camera"]

    wait_for(lambda: camera().get("jpeg"), 10, "the camera to say that it sends JPEG")
    wait_for(lambda: zoe.get("/api/v1/cameras/front")["metrics"].get("camera", {}).get("jpeg"), 10, "preview to know it")
    before = camera()["published"]
    with zoe.stream("front") as stream:
        parts = stream.take(20)
    assert {part.body for part in parts} == pictures
    assert [b.sequence - a.sequence for a, b in zip(parts, parts[1:])] == [1] * 19
    assert camera()["published"] == before
    with zoe.stream("front", "?height=180") as stream:
        small = stream.take(3)
    assert not {part.body for part in small} & pictures
    wait_for(lambda: camera()["published"] > before, 10, "the camera to tell of frames")
