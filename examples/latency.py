# SPDX-License-Identifier: Apache-2.0
"""Look at a camera's newest frames and print how old they are: view latency, from capture to these lines.

usage: latency.py TOPIC [COUNT]"""
import statistics
import sys

import zoetrope

topic, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
ages = []
for frame in zoetrope.subscribe(topic):
    with frame:
        brightness = frame.planes[0][::16, ::16].mean()     # a look at the pixels, in place
        ages.append(frame.latency_ms)
        print(f"frame {frame.seq}: {frame.format} {frame.width}x{frame.height}, {ages[-1]:.3f} ms old, lost {frame.lost}, "
              f"brightness {brightness:.0f}", flush=True)
    if len(ages) == count:
        break
ages.sort()
print(f"latency of {len(ages)} frames: p50 {statistics.median(ages):.3f} ms, p99 {ages[len(ages) * 99 // 100]:.3f} ms")
