# SPDX-License-Identifier: Apache-2.0
"""Process a camera's newest frames with OpenCV and publish the result, written by OpenCV straight into shared memory.

usage: edges.py TOPIC [COUNT]    publishes on TOPIC/edges"""
import sys

import cv2

import zoetrope

topic, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
publisher = zoetrope.Publisher(f"{topic}/edges")
for number, frame in enumerate(zoetrope.subscribe(topic), 1):
    with frame:
        gray = frame.gray()
        with publisher.loan(gray.shape, "GREY") as loan:
            cv2.Canny(gray, 60, 120, edges=loan.array)
            loan.capture_time_ns = frame.capture_time_ns        # readers see the age of the picture, not of the edges
        print(f"frame {frame.seq} -> {loan.seq}", flush=True)
    if number == count:
        break
