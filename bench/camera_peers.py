#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Python ends of bench/camera's peers, a process each; bench/camera starts them.

    camera_peers.py pipe URL WIDTH HEIGHT NAME    ffmpeg's raw frames from a pipe, copied into shared memory, names to a queue
    camera_peers.py opencv URL WIDTH HEIGHT   OpenCV's VideoCapture, pictures through a multiprocessing queue
    camera_peers.py shmsrc SOCKET WIDTH HEIGHT    an appsink behind GStreamer's shmsrc

The end that receives prints "NUMBER MONOTONIC_NS" for each picture at the end, as bench-camera-take does.
"""
import multiprocessing
import queue
import subprocess
import sys
import time
from multiprocessing import shared_memory

BITS, SIDE = 12, 32  # as in camera_marks.h
SLOTS, QUEUED = 10, 2
INPUT = ["-threads", "1", "-analyzeduration", "1000000"]  # of ffmpeg: one thread, and no more than a second of looking at the stream
PATIENCE = 60


def marks_read(row):
    """The number in the pixel row across the middle of the marks: one byte a pixel."""
    return sum((row[bit * SIDE + SIDE // 2] > 127) << bit for bit in range(BITS))


def receive(frames, look):
    """Until None comes through the queue."""
    arrivals = []
    while (thing := frames.get(timeout=PATIENCE)) is not None:
        arrivals.append((look(thing), time.monotonic_ns()))
    print("\n".join(f"{number} {when}" for number, when in arrivals), flush=True)


def receive_shared(frames, base, width):
    memories = {}

    def look(slot):
        memory = memories.get(slot) or memories.setdefault(slot, shared_memory.SharedMemory(name=f"{base}-{slot}"))
        begin = SIDE // 2 * width
        return marks_read(memory.buf[begin:begin + BITS * SIDE])
    receive(frames, look)
    for memory in memories.values():
        memory.close()


def receive_pickled(frames):
    receive(frames, lambda picture: marks_read(picture[SIDE // 2, :BITS * SIDE, 1]))


def receiver(target, *arguments):
    context = multiprocessing.get_context("spawn")
    frames = context.Queue(QUEUED)
    process = context.Process(target=target, args=(frames, *arguments))
    process.start()
    return frames, process


def give(frames, thing):
    """A picture of a camera that nobody has time for is passed over."""
    try:
        frames.put_nowait(thing)
    except queue.Full:
        pass


def pipe(url, width, height, base):
    """One process decodes, one copies, one reads."""
    size = width * height * 3 // 2
    slots = [shared_memory.SharedMemory(name=f"{base}-{slot}", create=True, size=size) for slot in range(SLOTS)]
    frames, process = receiver(receive_shared, base, width)
    command = ["ffmpeg", "-v", "error", "-nostdin", *INPUT, "-i", url, "-an", "-fps_mode", "passthrough",
               "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=size * SLOTS) as ffmpeg:
        number = 0
        while len(data := ffmpeg.stdout.read(size)) == size:
            slots[number % SLOTS].buf[:size] = data
            give(frames, number % SLOTS)
            number += 1
    frames.put(None)
    process.join(PATIENCE)
    for memory in slots:
        memory.close()
        memory.unlink()


def opencv(url, _width, _height):
    import cv2
    frames, process = receiver(receive_pickled)
    capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG)
    while True:
        there, picture = capture.read()
        if not there:
            break
        give(frames, picture)
    frames.put(None)
    process.join(PATIENCE)


def shmsrc(socket, width, height):
    import gi
    gi.require_version("Gst", "1.0")
    from gi.repository import Gst
    Gst.init(None)
    pipeline = Gst.parse_launch(f"shmsrc socket-path={socket} is-live=true ! video/x-raw,format=I420,width={width},"
                                f"height={height},framerate=30/1 ! appsink name=sink sync=false")
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    arrivals, patience = [], PATIENCE * Gst.SECOND
    while sample := sink.emit("try-pull-sample", patience):
        row = sample.get_buffer().extract_dup(SIDE // 2 * width, BITS * SIDE)
        arrivals.append((marks_read(row), time.monotonic_ns()))
        patience = 2 * Gst.SECOND
    pipeline.set_state(Gst.State.NULL)
    print("\n".join(f"{number} {when}" for number, when in arrivals), flush=True)


if __name__ == "__main__":
    {"pipe": pipe, "opencv": opencv, "shmsrc": shmsrc}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
