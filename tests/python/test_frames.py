# SPDX-License-Identifier: Apache-2.0
"""Frames: shapes, how long a slot stays pinned, read-only views, conversion, other libraries' eyes on them."""
import gc
import signal
import subprocess

import numpy
import pytest

from support.python import STRICT, environment, script

import zoetrope


def pair(topic="front", **options):
    publisher = zoetrope.Publisher(topic)
    return publisher, zoetrope.Subscriber(topic, mode="next", **options)


def pinned(topic="front"):
    return zoetrope.info(topic)["slots_pinned"]


def noise(*shape):
    return numpy.random.default_rng(1).integers(0, 256, shape, dtype=numpy.uint8)


def test_shapes():
    publisher, subscriber = pair()
    chroma = (noise(3, 4), noise(3, 4))
    for source, format, shapes in (
            (noise(5, 7), "GREY", [(5, 7)]), (noise(5, 7, 3), "BGR24", [(5, 7, 3)]), (noise(5, 7, 3), "RGB24", [(5, 7, 3)]),
            (noise(4, 8, 2), "YUYV", [(4, 8, 2)]), (noise(4, 8, 2), "UYVY", [(4, 8, 2)]),
            ((noise(5, 7), *chroma), "I420", [(5, 7), (3, 4), (3, 4)]),
            ((noise(5, 7), noise(5, 4), noise(5, 4)), "I422", [(5, 7), (5, 4), (5, 4)]),
            ((noise(5, 7), noise(5, 7), noise(5, 7)), "I444", [(5, 7), (5, 7), (5, 7)]),
            ((noise(5, 7), noise(3, 4, 2)), "NV12", [(5, 7), (3, 4, 2)])):
        publisher.publish(source, format)
        with subscriber.next() as frame:
            assert frame.format == format and [plane.shape for plane in frame.planes] == shapes
            sources = source if isinstance(source, tuple) else (source,)
            assert all((a == b).all() for a, b in zip(frame.planes, sources))
            if len(shapes) == 1:
                assert frame.array.shape == shapes[0] == memoryview(frame).shape
            else:
                assert isinstance(frame.array, tuple)
            assert frame.tobytes() == b"".join(part.tobytes() for part in sources) == bytes(frame.data)
            assert (frame.width, frame.height) == (shapes[0][1], shapes[0][0])


def test_padded_rows():
    """A picture whose rows have gaps, as cameras have them: C publishes with 64 bytes of alignment."""
    script("""
        import subprocess, zoetrope
        from support.python import BUILD
        with subprocess.Popen([BUILD + "/examples/publish", "front", "1000"]) as process:
            with zoetrope.subscribe("front", timeout=20) as subscriber:
                frame = next(subscriber)
                assert frame.array.shape == (480, 640) and (frame.array == frame.array[0, 0]).all()
                del frame
            process.kill()
        zoetrope.clean()
    """)
    publisher, subscriber = pair()
    wide = noise(10, 100, 3)
    publisher.publish(wide[:, 20:51])          # a source with gaps
    publisher.publish(wide[::-1, ::2])         # and one that runs backwards
    assert (subscriber.next().array == wide[:, 20:51]).all()
    assert (subscriber.next().array == wide[::-1, ::2]).all()


def test_pin_lives_as_long_as_views():
    publisher, subscriber = pair()
    publisher.publish(noise(8, 8, 3))
    frame = subscriber.next()
    part = frame.array[2:4].reshape(-1)[1:]
    memory = memoryview(frame)[1:]
    assert pinned() == 1
    del frame
    assert pinned() == 1
    del memory
    assert pinned() == 1 and part.sum() >= 0
    del part
    assert pinned() == 0


def test_with_block():
    publisher, subscriber = pair()
    publisher.publish(noise(8, 8, 3))
    publisher.publish(noise(8, 8, 3))
    with subscriber.next() as frame:
        assert pinned() == 1
    assert pinned() == 0 and frame.released and frame.seq == 0
    with subscriber.next() as frame:
        image = frame.array
    assert pinned() == 1 and not frame.released
    for view in ("array", "planes", "data", "__array_interface__"):
        with pytest.raises(ValueError, match="frame 1 was released"):
            getattr(frame, view)
    with pytest.raises(BufferError):
        frame.release()
    copy = image.copy()
    publisher.publish(noise(8, 8, 3) // 2)
    assert (image == copy).all()
    del image
    assert pinned() == 0 and frame.released


def test_explicit_release():
    publisher, subscriber = pair()
    publisher.publish(noise(8, 8, 3))
    frame = subscriber.next()
    image = frame.array
    with pytest.raises(BufferError, match="views over it are alive"):
        frame.release()
    assert not frame.released and (frame.array == image).all()
    del image
    frame.release()
    frame.release()
    assert frame.released and pinned() == 0
    for use in (lambda: frame.array, lambda: memoryview(frame), frame.bgr, frame.tobytes, frame.__enter__, frame.__dlpack__):
        with pytest.raises(ValueError, match="frame 0 was released"):
            use()


def test_no_view_shows_another_frame():
    """However many frames come meanwhile, through changes of shape too."""
    publisher, subscriber = pair(pins=4)
    publisher.publish(numpy.full((16, 16, 3), 1, numpy.uint8))
    first = subscriber.next().array
    for number in range(300):
        publisher.publish(numpy.full((16 + number, 64, 3), number % 200 + 2, numpy.uint8))
    assert (first == 1).all()
    subscriber.close()
    publisher.close()
    assert (first == 1).all() and subscriber.closed


def test_too_many_held():
    publisher, subscriber = pair()
    held = []
    for _ in range(2):
        publisher.publish(noise(4, 4))
        held.append(subscriber.next())
    publisher.publish(noise(4, 4))
    with pytest.raises(OSError, match="holds 2 frames, as many as it asked for") as error:
        subscriber.next()
    assert error.value.errno == 105
    held.pop()
    assert subscriber.next().seq == 2


def test_read_only():
    publisher, subscriber = pair()
    publisher.publish(noise(8, 8))
    frame = subscriber.next()
    with pytest.raises(ValueError, match="read-only"):
        frame.array[0, 0] = 1
    with pytest.raises(ValueError):
        frame.array.flags.writeable = True
    with pytest.raises(TypeError):
        memoryview(frame)[0, 0] = 1


def test_forced_write_faults_in_the_caller_only():
    publisher, subscriber = pair()
    picture = noise(64, 64)
    publisher.publish(picture)
    forced = """
        import ctypes, zoetrope, faulthandler
        faulthandler.disable()
        frame = zoetrope.Subscriber("front", mode="next", start="oldest").next()
        address = frame.array.__array_interface__["data"][0]
        print(ctypes.c_uint8.from_address(address).value, flush=True)
        ctypes.memset(address, 0, 64)
    """
    import textwrap
    done = subprocess.run([*STRICT, "-c", textwrap.dedent(forced)], capture_output=True, text=True, timeout=50,
                          env=environment())
    assert done.returncode == -signal.SIGSEGV and done.stdout == f"{picture[0, 0]}\n", done
    assert (subscriber.next().array == picture).all()


def test_conversion():
    """Pure colours come out as they went in, through every format."""
    publisher, subscriber = pair()
    red = numpy.zeros((16, 32, 3), numpy.uint8)
    red[..., 2] = 255                                   # BGR
    white = numpy.full((16, 32), 235, numpy.uint8)      # limited range
    grey = numpy.full((8, 16), 128, numpy.uint8)
    cases = [(red, "BGR24", (0, 0, 255)), (red, "RGB24", (255, 0, 0)), ((white, grey, grey), "I420", (255, 255, 255)),
             ((white, numpy.stack([grey, grey], 2)), "NV12", (255, 255, 255)), (white, "GREY", (235, 235, 235))]
    for source, format, bgr in cases:
        publisher.publish(source, format)
        with subscriber.next() as frame:
            made = frame.bgr()
            assert made.shape == (16, 32, 3) and made.flags.writeable and made.dtype == numpy.uint8
            assert numpy.abs(made.astype(int) - bgr).max() <= 2, (format, made[0, 0])
            assert (frame.rgb() == made[..., ::-1]).all()
            assert frame.gray().shape == (16, 32)
            assert frame.bgr(width=8, height=4).shape == (4, 8, 3)
        made[...] = 9                                   # its own memory
    publisher.publish(b"no picture")
    with subscriber.next() as frame, pytest.raises(ValueError, match="nothing to convert"):
        frame.bgr()


def test_mjpeg():
    import cv2
    publisher, subscriber = pair()
    picture = numpy.full((48, 64, 3), (200, 100, 50), numpy.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1]
    publisher.publish(jpeg.reshape(-1), "MJPEG", width=64, height=48)
    with publisher.loan((48, 64), "MJPEG", size=100000) as loan:
        loan.data[:jpeg.size] = jpeg.tobytes()
        loan.size = jpeg.size
    for _ in range(2):
        frame = subscriber.next()
        assert frame.format == "MJPEG" and frame.array.tobytes() == jpeg.tobytes()
        assert numpy.abs(frame.bgr().astype(int) - picture).max() < 4
    publisher.publish(b"\xff\xd8 no jpeg", "MJPEG", width=64, height=48)
    with pytest.raises(OSError, match="damaged"):
        subscriber.next().bgr()


def test_other_libraries_without_a_copy():
    """OpenCV, Pillow, DLPack and the array interface see the slot itself: the address is that of the frame."""
    import cv2
    from PIL import Image
    publisher, subscriber = pair(pins=1)
    picture = noise(48, 64)
    publisher.publish(picture)
    frame = subscriber.next()
    address = frame.array.ctypes.data
    assert cv2.mean(frame.array)[0] == pytest.approx(picture.mean())
    assert (cv2.threshold(frame.array, 127, 255, cv2.THRESH_BINARY)[1] == (picture > 127) * 255).all()
    tensor = numpy.from_dlpack(frame)
    assert tensor.ctypes.data == address and (tensor == picture).all()
    image = Image.frombuffer("L", (64, 48), frame.array, "raw", "L", 0, 1)
    assert numpy.asarray(image).ctypes.data == address or (numpy.asarray(image) == picture).all()
    assert (numpy.asarray(Image.fromarray(frame)) == picture).all()

    class Interface:
        __array_interface__ = frame.__array_interface__

    seen = numpy.asarray(Interface())
    assert seen.ctypes.data == address and not seen.flags.writeable
    del Interface, tensor
    gc.collect()
    with pytest.raises(BufferError):
        frame.release()
    del image, seen
    gc.collect()
    frame.release()


def test_dlpack_keeps_the_pin():
    publisher, subscriber = pair(pins=1)
    publisher.publish(noise(8, 8, 3))
    frame = subscriber.next()
    capsule = frame.__dlpack__()
    with pytest.raises(BufferError):
        frame.release()
    del capsule                                         # nobody has used it
    tensor = numpy.from_dlpack(frame)
    del frame
    assert pinned() == 1 and tensor.shape == (8, 8, 3)
    del tensor
    assert pinned() == 0


def test_buffer_requests():
    """Each way to ask for a buffer is answered by the rules of the C API."""
    import _testbuffer as testbuffer
    publisher, subscriber = pair()
    publisher.publish(noise(8, 8, 3))
    frame = subscriber.next()
    for flags in (testbuffer.PyBUF_SIMPLE, testbuffer.PyBUF_ND, testbuffer.PyBUF_STRIDES, testbuffer.PyBUF_FULL_RO,
                  testbuffer.PyBUF_C_CONTIGUOUS):
        seen = testbuffer.ndarray(frame, getbuf=flags)
        assert seen.nbytes == 192 and seen.readonly
        del seen
    for flags in (testbuffer.PyBUF_WRITABLE, testbuffer.PyBUF_FULL, testbuffer.PyBUF_F_CONTIGUOUS):
        with pytest.raises(BufferError):
            testbuffer.ndarray(frame, getbuf=flags)
    frame.release()
