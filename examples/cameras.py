# SPDX-License-Identifier: Apache-2.0
"""Several cameras in one loop, without a thread for each: select() on all subscribers.

usage: cameras.py COUNT TOPIC..."""
import select
import sys

import zoetrope

subscribers = [zoetrope.subscribe(topic) for topic in sys.argv[2:]]
for subscriber in subscribers:
    subscriber.timeout = 0          # take what is there
left = int(sys.argv[1])
while left > 0:
    for subscriber in select.select(subscribers, [], [])[0]:
        for frame in subscriber:    # until there is none: then select() waits for the next
            with frame:
                print(f"{frame.topic}: frame {frame.seq}, {frame.width}x{frame.height}", flush=True)
                left -= 1
