# SPDX-License-Identifier: Apache-2.0
"""An own detector: bright regions. In the configuration of zoetrope run:

    detectors: {bright: {command: [/usr/bin/python3, examples/detector.py], cameras: [front]}}

or alone, beside a camera that runs: detector.py --cameras front"""
import cv2

import zoetrope.detector


def find(image):
    height, width = image.shape[:2]
    bright = cv2.threshold(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), 200, 255, cv2.THRESH_BINARY)[1]
    regions = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
    boxes = [cv2.boundingRect(region) for region in sorted(regions, key=cv2.contourArea)[-10:]]
    return [(x / width, y / height, w / width, h / height, 1.0, "bright") for x, y, w, h in boxes]


zoetrope.detector.run(find)
