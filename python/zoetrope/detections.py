# SPDX-License-Identifier: Apache-2.0
"""What detectors publish on "<camera>/detections": one message for each frame that they looked at."""
import functools
from typing import Any, Iterable, Iterator, NamedTuple, Sequence

from zoetrope import _zoetrope


@functools.cache
def dtype() -> Any:
    """numpy dtype of a box as it lies in the message: x y w h score float32, class_id track_id uint32, label S32."""
    import numpy
    names, formats, offsets = zip(*_zoetrope.DETECTION_FIELDS)
    return numpy.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": _zoetrope.DETECTION_BYTES})


class Detection(NamedTuple):
    """One box: fractions of the frame's width and height, origin top left; score 0..1."""
    x: float
    y: float
    w: float
    h: float
    score: float
    label: str
    class_id: int = 0
    track_id: int = 0

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in whole pixels of a picture of that size."""
        return (round(self.x * width), round(self.y * height), round((self.x + self.w) * width),
                round((self.y + self.h) * height))


class Detections:
    """The boxes of one frame, read from a message of "<camera>/detections".

        for message in zoetrope.subscribe("front/detections"):
            found = zoetrope.Detections(message)
            for box in found:
                print(box.label, box.score, box.pixels(found.width, found.height))

    source_seq              sequence number of the frame in the camera's topic
    source_capture_time_ns  when that frame was taken, CLOCK_MONOTONIC; source_publish_time_ns: when it was published
    inference_ns            time spent on it
    width, height           of the frame, pixels
    detector                who found them
    Raises ValueError if the message is none of a detector.
    """

    def __init__(self, message: Any) -> None:
        (self.source_seq, self.source_capture_time_ns, self.source_publish_time_ns, self.inference_ns, self.width,
         self.height, self._count, self.detector) = _zoetrope.read_detections(message)
        self._message = message

    @property
    def array(self) -> Any:
        """The boxes as structured array, [len] of DETECTION_DTYPE: a read-only view of the message, no copy."""
        import numpy
        return numpy.frombuffer(self._message, dtype(), self._count, _zoetrope.DETECTIONS_HEAD_BYTES)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Detection]:
        for x, y, w, h, score, class_id, track_id, label in self.array.tolist():
            yield Detection(x, y, w, h, score, label.decode("utf-8", "replace"), class_id, track_id)

    def __repr__(self) -> str:
        return f"<zoetrope.Detections: {self._count} boxes of frame {self.source_seq} by {self.detector!r}>"

    @staticmethod
    def message(frame: _zoetrope.Frame, boxes: Sequence[Iterable[Any]], detector: str = "", inference_ns: int = 0) -> bytes:
        """The message that says what was found in a frame, as bytes for Publisher.publish().

        boxes: Detection, or (x, y, w, h, score, label, class_id=0, track_id=0), at most 256. Raises ValueError for a box
        that does not lie in the frame, TypeError for what is no box.
        """
        return _zoetrope.write_detections(frame.seq, frame.capture_time_ns, frame.publish_time_ns, inference_ns,
                                          frame.width, frame.height, detector, boxes)
