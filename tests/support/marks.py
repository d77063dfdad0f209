# SPDX-License-Identifier: Apache-2.0
"""Read what the test camera draws (drivers/camera/test.c): frame number, capture time, place of the square.

    number, capture_ns = marks.read(picture)     # None if the checksum is wrong: no marks, or too badly damaged

A picture is a numpy array, [height][width] luma or [height][width][3] RGB, 0..255. It may have been scaled: then
size=(width, height) is that of the camera. Blocks are whole 8x8 blocks of a JPEG, so any quality will do.
"""
import json

import numpy

COLUMNS, ROWS = 18, 8
SQUARE_RGB = (224, 32, 32)


def block_side(width, height):
    return max(8, min(width // 18, height // 32) // 8 * 8)


def crc16(data):
    """CRC-16/CCITT-FALSE."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc


def luma(picture):
    picture = numpy.asarray(picture, dtype=numpy.float64)
    return picture if picture.ndim == 2 else picture[..., :3] @ (0.299, 0.587, 0.114)


def read(picture, size=None):
    """(frame number, capture time in ns), or None."""
    grey = luma(picture)
    height, width = grey.shape
    camera_width, camera_height = size or (width, height)
    side = block_side(camera_width, camera_height)
    across, down = side * width / camera_width, side * height / camera_height
    bits = 0
    for row in range(ROWS):
        for column in range(COLUMNS):
            # the middle half of each block: its edges may be blurred
            top, bottom = round((row + 0.25) * down), max(round((row + 0.75) * down), round((row + 0.25) * down) + 1)
            left, right = round((column + 0.25) * across), max(round((column + 0.75) * across),
                                                               round((column + 0.25) * across) + 1)
            bits = bits << 1 | int(grey[top:bottom, left:right].mean() > 127.5)
    data = bits.to_bytes(COLUMNS * ROWS // 8, "big")
    if crc16(data[:16]) != int.from_bytes(data[16:], "big"):
        return None
    return int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big")


def fold(t, m):
    """0, 1, .. m, m - 1, .. 0, 1, .."""
    return m - abs(m - t % (2 * m)) if m > 0 else 0


def square(number, width, height):
    """(x, y, side) of the coloured square in the frame of that number, pixels from the top left."""
    side = block_side(width, height)
    return (2 * fold(number * (side // 4), (width - 2 * side) // 2),
            12 * side + 2 * fold(number * (side // 8), (height - 14 * side) // 2), 2 * side)


def replay(path, frames, width, height, label="Square"):
    """What engine replay is to find: the square of each frame, by its number."""
    with open(path, "w", encoding="utf-8") as stream:
        for number in range(frames):
            x, y, side = square(number, width, height)
            box = [x / width, y / height, side / width, side / height]
            stream.write(json.dumps({"boxes": [{"label": label, "score": 0.9, "box": box}]}) + "\n")


def box_sides(picture, place, colour, far=60):
    """(left, top, right, bottom) of a box's frame in that colour around a place (x, y, side); None if a side is not there.

    Looked for along the lines through the middle of the place, so that the label does not count."""
    x, y, side = place
    hit = abs(picture - colour).max(axis=2) < far
    row, column = numpy.flatnonzero(hit[y + side // 2]), numpy.flatnonzero(hit[:, x + side // 2])
    middle_x, middle_y = x + side // 2, y + side // 2
    sides = [row[row < middle_x], column[column < middle_y], row[row >= middle_x], column[column >= middle_y]]
    if not all(len(one) for one in sides):
        return None
    return sides[0].max(), sides[1].max(), sides[2].min(), sides[3].min()


def box_error(picture, place, colour, far=60):
    """How far the frame's sides are from those of the place, at most; in widths of the picture. None: it is not around it."""
    found, (x, y, side) = box_sides(picture, place, colour, far), place
    return found and max(abs(got - want) for got, want in zip(found, (x, y, x + side, y + side))) / picture.shape[1]
