# SPDX-License-Identifier: Apache-2.0
"""Cameras that send JPEG, and the preview of them."""
from support.camera import topic
from support.wait import wait_for


def read_pairs(pixels, jpegs, count):
    """Read on in both topics over so many JPEGs and twice as many frames: [(JPEG, the frame with its pixels)], captured at one time."""
    first = pixels.next()["seq"]
    while jpegs.next()["frame"] < first + count:
        pass
    while pixels.next()["seq"] < first + 2 * count:
        pass
    by_number = {frame["seq"]: frame for frame in pixels.first}
    pairs = [(jpeg, by_number[jpeg["frame"]]) for jpeg in jpegs.first if jpeg["frame"] in by_number]
    assert len(pairs) > count / 2 and all(jpeg["capture_ns"] == frame["capture_ns"] for jpeg, frame in pairs), pairs[:3]
    return pairs


def check_decoding_ends(pixels, jpegs):
    """Nobody reads pixels any more: the JPEGs go on without."""
    pixels.kill()
    while jpegs.next()["frame"] >= 0:
        pass
    at_rest = topic()["next_seq"]
    for _ in range(20):
        assert jpegs.next()["frame"] == -1
    jpegs.kill()
    assert topic()["next_seq"] == at_rest, "pixels are decoded for nobody"


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
