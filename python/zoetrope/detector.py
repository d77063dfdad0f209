# SPDX-License-Identifier: Apache-2.0
"""An own detector: a function from an image to boxes.

    import zoetrope.detector

    def find(image):                                    # uint8 (height, width, 3), blue green red
        ...
        return [(x, y, w, h, score, "label"), ...]      # fractions of width and height, 0..1

    zoetrope.detector.run(find)

In the configuration of zoetrope run:  detectors: {mine: {command: [/usr/bin/python3, my_detector.py], cameras: [front]}}
Alone, beside a camera that runs:      python3 my_detector.py --cameras front --max-fps 5

It always looks at the newest frame. Under zoetrope run it answers switches and sends its state and metrics
(docs/protocol.md), from a thread of its own, so that a slow function is no reason to be taken for dead; one that gives nothing for
`hang_after` is, and the program kills itself. An exception in the function is logged, told to the control process, and ends the
program. zoetrope run starts it again.
"""
from __future__ import annotations

import argparse
import collections
import json
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, Callable, Iterable

from zoetrope import _zoetrope
from zoetrope.detections import Detections

if TYPE_CHECKING:  # numpy is imported when the first image is made
    from numpy.typing import NDArray

_HEARTBEAT_SECONDS = 0.5   # control takes 5 s of silence for death
_LEAVE_SECONDS = 1.4       # after "quit" control kills after 1.5 s
_SILENT_SECONDS = 1.0      # a camera without a frame for so long is looked for anew
_LOOK_SECONDS = 0.1        # cameras that are not there are looked for this often
_SAMPLES = 200             # of a metric, for its percentiles
_DEPTH = 8                 # results kept for readers: preview may want to pair a result with its frame
_DETECTORS_MAX = 16        # of a camera, as those of zoetrope run
_MESSAGE_BYTES = _zoetrope.DETECTIONS_HEAD_BYTES + _zoetrope.DETECTIONS_MAX * _zoetrope.DETECTION_BYTES


class _Series:
    """The newest values of something, for p50 and p99."""

    def __init__(self):
        self.values = collections.deque(maxlen=_SAMPLES)

    def percentiles(self):
        ordered = sorted(self.values.copy())
        return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100]} if ordered else None


class _Camera:
    """One camera: its frames, and the topic for what is found in them."""

    def __init__(self, name, period):
        self.name, self.period, self.on = name, period, True
        self.results = _zoetrope.Publisher(f"{name}/detections", slot_bytes=_MESSAGE_BYTES, depth=_DEPTH,
                                            publishers=_DETECTORS_MAX)
        self.frames = None
        self.due = self.heard = 0.0  # time.monotonic()
        self.count = self.passed_over = self.boxes = 0
        self.inference_ms, self.age_ms, self.times = _Series(), _Series(), collections.deque(maxlen=_SAMPLES)

    def connect(self):
        """Subscribe if it is on and there; a topic that only subscribers keep alive is no camera."""
        silent = time.monotonic() - self.heard > _SILENT_SECONDS
        if not self.on or silent:
            self.frames = None
        if self.on and self.frames is None:
            try:
                if _zoetrope.info(self.name)["publishers"]:
                    self.frames = _zoetrope.Subscriber(self.name, timeout=0, pins=1)
                    self.heard = time.monotonic()
            except FileNotFoundError:
                pass

    def take(self):
        frame = self.frames.latest()
        if frame is not None:
            self.heard = now = time.monotonic()
            # on a grid, so that the rate does not drift; begun anew after a pause
            self.due = now + self.period if now - self.due > self.period else self.due + self.period
            self.passed_over += frame.lost
        return frame

    def publish(self, frame, boxes, detector, took_ns):
        self.results.publish(Detections.message(frame, boxes, detector, took_ns), capture_time_ns=frame.capture_time_ns)
        self.count, self.boxes = self.count + 1, len(boxes)
        self.inference_ms.values.append(took_ns / 1e6)
        self.age_ms.values.append(frame.latency_ms)
        self.times.append(time.monotonic())

    def metrics(self):
        recent = [at for at in self.times.copy() if at > time.monotonic() - 2]
        known = {"fps": len(recent) / 2, "results": self.count, "passed_over": self.passed_over, "boxes": self.boxes,
                 "inference_ms": self.inference_ms.percentiles(), "age_ms": self.age_ms.percentiles()}
        return {name: value for name, value in known.items() if value is not None}


class _Channel(threading.Thread):
    """The socket to the control process: reads it, answers, and sends the heartbeat."""

    def __init__(self, descriptor):
        super().__init__(name="zoetrope channel", daemon=True)
        os.set_inheritable(descriptor, False)
        self.socket = socket.socket(fileno=descriptor)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.lock = threading.Lock()
        self.detector = None

    def send(self, **message):
        try:
            with self.lock:
                self.socket.sendall(json.dumps({"v": 1, **message}).encode() + b"\n")
        except OSError:
            pass  # control is gone: the end of the channel says so too

    def read_start(self, role="detector"):
        """The first line: (name, options, switches)."""
        self.send(type="hello", role=role, name=role, pid=os.getpid(), wants_system=False)
        for line in self.lines:
            message = json.loads(line)
            if message.get("type") == "start":
                return message.get("name", role), message.get("options", {}), message.get("switches", {})
        sys.exit("zoetrope.detector: the control process has gone before it said what to do")

    def serve(self, detector):
        self.detector = detector
        self.send(**detector.state())  # from now on it is ready
        self.start()
        threading.Thread(target=self.beat, name="zoetrope heartbeat", daemon=True).start()

    def beat(self):
        while not self.detector.leaving.wait(_HEARTBEAT_SECONDS):
            if self.detector.hangs():
                self.send(type="error", last=True, text=f"the function has given no result for {self.detector.hang_after:g} s")
                os.kill(os.getpid(), signal.SIGKILL)
            self.send(**self.detector.state())

    def run(self):
        for line in self.lines:
            message = json.loads(line)
            if message.get("type") == "turn":
                answer = self.detector.turn(message.get("camera"), message.get("verb"), message.get("on") is True)
                self.send(type="turned", id=message.get("id"), **answer)
                self.send(**self.detector.state())
            elif message.get("type") == "quit":
                break
        self.detector.leave()
        self.detector.left.wait(_LEAVE_SECONDS)
        if not self.detector.left.is_set():
            os._exit(1)  # the function does not return


class _Detector:
    def __init__(self, function, name, cameras, max_fps, threshold, labels, hang_after=0):
        self.function, self.name = function, name
        self.hang_after, self.began = hang_after, 0.0  # seconds, 0 = for ever; time.monotonic() of the look under way, 0 = none
        self.threshold, self.labels = threshold, frozenset(labels)
        self.cameras = [_Camera(camera, 1 / max_fps if max_fps else 0) for camera in cameras]
        self.leaving, self.left = threading.Event(), threading.Event()
        self.waker, self.wake_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    # ---- called from the channel's threads

    def wake(self):
        try:
            os.write(self.wake_end, b"x")
        except BlockingIOError:
            pass  # it is awake

    def leave(self):
        self.leaving.set()
        self.wake()

    def turn(self, camera, verb, on):
        for known in self.cameras:
            if known.name == camera and verb == "detect":
                known.on = on
                self.wake()
                return {"actual": on, "reason": ""}
        return {"actual": False, "reason": f"detector {self.name} has no switch {verb} for camera {camera}"}

    def hangs(self):
        began = self.began
        return bool(self.hang_after and began) and time.monotonic() - began > self.hang_after

    def state(self):
        wanted = [camera for camera in self.cameras if camera.on]
        absent = [camera.name for camera in wanted if camera.frames is None]
        state = "off" if not wanted else "retrying" if len(absent) == len(wanted) else "streaming"
        return {"type": "state", "state": state, "reason": f"waiting for camera {absent[0]}" if absent else "",
                "metrics": {"cameras": {camera.name: camera.metrics() for camera in self.cameras}}, "cpus": _cpus()}

    # ---- the loop

    def look(self, camera):
        """Let the function look at the newest frame of a camera. False if there is none."""
        frame = camera.take()
        if frame is None:
            return False
        began = _zoetrope.now_ns()
        self.began = time.monotonic()
        boxes = [box for box in map(tuple, self.function(frame.bgr())) if self.wanted(box)]
        self.began = 0.0
        if camera.on:
            camera.publish(frame, boxes, self.name, _zoetrope.now_ns() - began)
        return True

    def wanted(self, box):
        """Is it sure enough, and of a label that is reported? What is no box is told by Detections.message()."""
        try:
            sure = not float(box[4]) < self.threshold
        except (IndexError, TypeError, ValueError):
            return True
        return sure and (not self.labels or box[5:6] == () or box[5] in self.labels)

    def wait(self):
        """Until a camera that is due may have a frame, or it is time to look for the others."""
        now = time.monotonic()
        ready = [camera.frames for camera in self.cameras if camera.frames and camera.due <= now]
        later = [camera.due - now for camera in self.cameras if camera.frames and camera.due > now]
        select.select([self.waker, *ready], [], [], min([_LOOK_SECONDS, *later]))
        try:
            os.read(self.waker, 4096)
        except BlockingIOError:
            pass

    def run(self):
        while not self.leaving.is_set():
            looked = False
            for camera in self.cameras:
                camera.connect()
                if camera.frames and camera.due <= time.monotonic() and not self.leaving.is_set():
                    looked = self.look(camera) or looked
            if not looked:
                self.wait()


def _cpus():
    """The CPUs that this process may run on: "0-3,6"."""
    ranges = []
    for cpu in sorted(os.sched_getaffinity(0)):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in ranges)


def _arguments():
    parser = argparse.ArgumentParser(description="A detector. Without zoetrope run it is started with these options.")
    parser.add_argument("--cameras", required=True, type=lambda text: text.split(","), help="topics of cameras: front,back")
    parser.add_argument("--name", default="detector", help="name that its results carry")
    parser.add_argument("--max-fps", type=float, default=0, help="results a second and camera; 0 = as many as it can")
    parser.add_argument("--threshold", type=float, default=0, help="least score of a box that is reported")
    parser.add_argument("--labels", default=[], type=lambda text: text.split(","), help="labels that are reported; none = all")
    return parser.parse_args()


def run(function: Callable[[NDArray[Any]], Iterable[Iterable[Any]]]) -> None:
    """Let function look at the newest frames of cameras, and publish what it finds, until told to leave (or Ctrl-C).

    function  gets an image: a fresh uint8 array (height, width, 3) in blue green red; gives boxes: a list of
              (x, y, w, h, score, label) or zoetrope.Detection, fractions of width and height, at most 256

    What it gives is published on "<camera>/detections" with the frame's sequence number and times; but for boxes whose score
    is below the threshold, and labels that are not wanted. Cameras, name, rate, threshold and labels come from zoetrope run,
    else from the command line (--cameras front,back --name mine --max-fps 5 --threshold 0.5 --labels Person,Car).
    """
    descriptor = os.environ.pop("ZOETROPE_CHANNEL", None)
    channel = _Channel(int(descriptor)) if descriptor else None
    if channel:
        name, options, switches = channel.read_start()
        cameras, max_fps = options.get("cameras", []), options.get("max_fps", 0)
        threshold, labels, hang_after = options.get("threshold", 0), options.get("labels", []), options.get("hang_after", 0) / 1e9
    else:
        arguments, switches = _arguments(), {}
        name, cameras, max_fps = arguments.name, arguments.cameras, arguments.max_fps
        threshold, labels, hang_after = arguments.threshold, arguments.labels, 0
    try:
        detector = _Detector(function, name, cameras, max_fps, threshold, labels, hang_after)
        for camera in detector.cameras:
            camera.on = switches.get(camera.name, {}).get("detect", True)
        if channel:
            channel.serve(detector)
        try:
            detector.run()
        finally:
            detector.leaving.set()
            detector.left.set()
    except KeyboardInterrupt:
        pass
    except Exception as error:
        if channel is None:
            raise
        traceback.print_exc()
        channel.send(type="error", text=f"{type(error).__name__}: {error}")
        sys.exit(1)
