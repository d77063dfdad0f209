# SPDX-License-Identifier: Apache-2.0
"""Publishers: loans in place, copies, messages, what is refused, lossless readers."""
import numpy
import pytest

from support.python import PACKAGE  # noqa: F401

import zoetrope


def pair(topic="front", subscriber=(("mode", "next"),), **options):
    publisher = zoetrope.Publisher(topic, **options)
    return publisher, zoetrope.Subscriber(topic, **dict(subscriber))


def loaned():
    return zoetrope.info("front")["slots_loaned"]


def test_loan_in_place():
    publisher, subscriber = pair()
    with publisher.loan((4, 6, 3), "RGB24") as loan:
        loan.array[...] = 7
        loan.array[1, 2] = 1, 2, 3
        loan.meta, loan.flags, loan.capture_time_ns = b"mine", 5, 123456789
        assert loan.seq is None and (loan.width, loan.height, loan.format) == (6, 4, "RGB24")
    assert loan.seq == 0
    frame = subscriber.next()
    assert frame.array[1, 2].tolist() == [1, 2, 3] and frame.array[0, 0].tolist() == [7, 7, 7]
    assert (frame.meta, frame.flags, frame.capture_time_ns) == (b"mine".ljust(48, b"\0"), 5, 123456789)
    assert frame.publish_time_ns <= zoetrope.now_ns() and frame.seq == 0 and frame.topic == "front"
    with publisher.loan((4, 6), "NV12") as loan:
        luma, chroma = (plane.shape for plane in loan.planes)
        assert (luma, chroma) == ((4, 6), (2, 3, 2))
        loan.planes[0][...] = 16
        loan.range, loan.matrix = "full", "bt709"
    frame = subscriber.next()
    assert (frame.range, frame.matrix) == ("full", "bt709") and (frame.planes[0] == 16).all()


def test_exception_discards():
    publisher, subscriber = pair()
    with pytest.raises(KeyError):
        with publisher.loan((4, 6)):
            raise KeyError
    assert publisher.publish(b"x") == 0 and bytes(subscriber.next()) == b"x"


def test_view_that_outlives_the_block():
    """It could write to what others read: not published, and the slot stays ours until the view has died."""
    publisher, subscriber = pair()
    before = loaned()
    with pytest.raises(BufferError, match="views that could still write"):
        with publisher.loan((400, 400)) as loan:
            image = loan.array
    assert loaned() == before + 1
    image[...] = 1
    publisher.publish(numpy.zeros((400, 400), numpy.uint8))
    image[...] = 2
    assert (subscriber.next().array == 0).all()
    del image
    assert loaned() == before
    with pytest.raises(ValueError, match="discarded"):
        loan.array
    with publisher.loan((4, 4)) as loan:
        view = loan.array
        with pytest.raises(BufferError):
            loan.publish()
        del view
        assert loan.publish() == 1
        with pytest.raises(ValueError, match="published"):
            loan.data


def test_loans_run_out():
    publisher, _ = pair()
    first, second = publisher.loan(8), publisher.loan(8)
    with pytest.raises(OSError) as error:
        publisher.loan(8)
    assert error.value.errno == 105 and "loan" in str(error.value)
    second.discard()
    del first
    with publisher.loan(8):
        pass


def test_messages():
    publisher, subscriber = pair()
    for message in (b"", b"a", bytearray(b"two"), memoryview(b"three!")[1:3], numpy.arange(9, dtype=numpy.uint8)):
        publisher.publish(message)
        assert bytes(subscriber.next()) == bytes(message)
    with publisher.loan(100) as loan:
        loan.data[:5] = b"hello"
        loan.size = 5
    frame = subscriber.next()
    assert bytes(frame) == b"hello" and frame.format is None and frame.array.tolist() == list(b"hello")


def test_what_is_refused():
    publisher, _ = pair()
    picture = numpy.zeros((4, 6, 3), numpy.uint8)
    for wrong, sentence, arguments in (
            (ValueError, "wanted uint8", (picture.astype(float),)), (ValueError, "wanted uint8", (picture[None],)),
            (ValueError, "does not fit format GREY", (picture, "GREY")), (ValueError, "is no pixel format", (picture, "BGR32")),
            (ValueError, "has 3 planes, found 1", (picture[..., 0], "I420")),
            (ValueError, r"plane 1 must be \(2, 3\)", ((picture[..., 0],) * 3, "I420")),
            (ValueError, "or a format", (picture[..., :2],)), (TypeError, "bytes-like", ("text",)),
            (ValueError, "1 to 4 planes", ((),))):
        with pytest.raises(wrong, match=sentence):
            publisher.publish(*arguments)
    for wrong, arguments in ((ValueError, ((4, 6), "BGR24")), (ValueError, ((4,), "GREY")), (ValueError, ((4, -6), "GREY")),
                             (ValueError, ((4, 6), "MJPEG")), (ValueError, ((0, 6), "GREY")), (ValueError, (-1,)),
                             (ValueError, ((99999, 6), "GREY")), (TypeError, ("4", "GREY")), (TypeError, ((4, 6), 7))):
        with pytest.raises(wrong):
            publisher.loan(*arguments)
    for wrong, options in ((ValueError, {"meta": b"x" * 49}), (TypeError, {"meta": "x"}), (ValueError, {"timeout": -1}),
                           (ValueError, {"timeout": float("nan")})):
        with pytest.raises(wrong):
            publisher.publish(picture, **options)
    for name in ("", "a b", "/front", "x" * 200):
        with pytest.raises(ValueError):
            zoetrope.Publisher(name)
    with pytest.raises(ValueError):
        zoetrope.Publisher("front", depth=5000)
    publisher.close()
    publisher.close()
    for use in (lambda: publisher.publish(b""), lambda: publisher.loan(1), publisher.wishes, publisher.__enter__):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_opencv_planar_and_growing():
    """OpenCV's one array for I420; the topic grows with its frames."""
    publisher, subscriber = pair(slot_bytes=4096)
    whole = numpy.random.default_rng(1).integers(0, 256, (720, 640), dtype=numpy.uint8)
    publisher.publish(whole, "I420")
    frame = subscriber.next()
    assert (frame.width, frame.height) == (640, 480) and bytes(frame.data) == whole.tobytes()
    assert zoetrope.info("front")["generation"] > 1


def test_lossless():
    publisher, subscriber = pair(subscriber={"mode": "lossless"}, lossless=True, depth=2, timeout=0.2)
    sent = 0
    with pytest.raises(BlockingIOError, match="behind"):
        while sent < 100:
            sent = publisher.publish(bytes([sent]), timeout=0) + 1
    assert 2 <= sent < 10
    with pytest.raises(TimeoutError, match="behind"):
        publisher.publish(bytes([sent]))
    assert bytes(subscriber.next()) == b"\0"
    assert publisher.publish(bytes([sent])) == sent
    assert [bytes(subscriber.next())[0] for _ in range(sent)] == list(range(1, sent + 1)) and subscriber.lost == 0
    with pytest.raises(ValueError, match="in order"):
        subscriber.latest()


def test_modes_and_lost():
    publisher, latest = pair(subscriber={}, depth=4)
    ordered = zoetrope.Subscriber("front", mode="next")
    for number in range(10):
        publisher.publish(bytes([number]))
    frame = next(latest)
    assert frame.seq == 9 and latest.mode == "latest"
    publisher.publish(b"")
    publisher.publish(b"")
    assert (frame := latest.latest()).lost == 1 and latest.lost == 1 and frame.seq == 11
    frame = next(ordered)
    assert frame.seq == ordered.lost == frame.lost == 8
    members = [zoetrope.Subscriber("front", group="workers", timeout=0) for _ in range(3)]
    for number in range(3):
        publisher.publish(b"")
    got = sorted(frame.seq for member in members for frame in member)
    assert got == [12, 13, 14]
    for wrong in ({"mode": "newest"}, {"mode": "group"}, {"mode": "lossless", "group": "x"}, {"start": "first"}, {"pins": 17},
                  {"timeout": -1}, {"group": ""}):
        with pytest.raises(ValueError):
            zoetrope.Subscriber("front", **wrong)
    with pytest.raises(OSError, match="hold its publishers up"):
        zoetrope.Subscriber("front", mode="lossless")


def test_wishes():
    publisher, subscriber = pair()
    assert publisher.wishes() == [{"rate": 0, "format": None, "width": 0, "height": 0, "key_frames": 0}]
    subscriber.wish(rate=12.5, format="NV12", width=640, height=480, key_frames=3)
    assert publisher.wishes() == [{"rate": 12.5, "format": "NV12", "width": 640, "height": 480, "key_frames": 3}]
    subscriber.close()
    assert publisher.wishes() == []


def test_domain(tmp_path):
    with pytest.raises(FileNotFoundError, match="no topic nobody"):
        zoetrope.Subscriber("nobody")
    with pytest.raises(FileNotFoundError):
        zoetrope.info("nobody")
    folder = tmp_path / "own"
    with zoetrope.Publisher("b", domain=folder), zoetrope.Publisher("a", domain=str(folder)):
        assert zoetrope.topics(folder) == ["a", "b"] and zoetrope.topics() == []
        assert zoetrope.info("a", domain=folder)["publishers"] == 1
    assert zoetrope.topics(folder) == [] and zoetrope.clean(folder) == 0
