# SPDX-License-Identifier: Apache-2.0
"""Cameras that send JPEG, and the preview of them."""
from support.camera import topic
from support.wait import wait_for


def check_preview_passes(zoe, pictures):
    """What viewers of `front` get is byte for byte one of those, and nothing is decoded; a smaller picture needs pixels."""
    def camera():
        return zoe.state()["cameras"]["front"]["metrics"]["camera"]

    wait_for(lambda: camera().get("jpeg"), 10, "the camera to say that it sends JPEG")
    wait_for(lambda: zoe.get("/api/v1/cameras/front")["metrics"].get("camera", {}).get("jpeg"), 10, "preview to know it")
    before = topic()["next_seq"]
    with zoe.stream("front") as stream:
        parts = stream.take(20)
    assert {part.body for part in parts} == pictures
    numbers = [part.sequence for part in parts]
    assert [b - a for a, b in zip(numbers, numbers[1:])] == [1] * 19, numbers
    assert topic()["next_seq"] == before, "it was decoded"
    with zoe.stream("front", "?height=180") as stream:
        small = stream.take(3)
    assert not {part.body for part in small} & pictures
    assert topic()["next_seq"] > before
