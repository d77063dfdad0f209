# SPDX-License-Identifier: Apache-2.0
"""The V4L2 driver on real V4L2: Debian's kernel boots once, and all that is in inside.py runs there."""
# limit: 600 s
# alone: it emulates two processors
import json
import os
import subprocess

import vm
from support.zoetrope import BUILD, SOURCE, cached

HERE = os.path.dirname(os.path.realpath(__file__))


def test_all():
    share = os.path.abspath("out")
    os.mkdir(share)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10", "-frames:v", "10",
                    "-pix_fmt", "yuvj422p", "-c:v", "mjpeg", f"{share}/pictures.avi"], check=True, timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", f"{share}/pictures.avi", "-f", "rawvideo", f"{share}/pictures.yuv"],
                   check=True, timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", f"{share}/pictures.avi", "-c", "copy", f"{share}/picture%d.jpg"], check=True,
                   timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10", "-frames:v", "20",
                    "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "5", "-bf", "0", f"{share}/video.ts"], check=True, timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", f"{share}/video.ts", "-f", "framemd5", f"{share}/video.md5"], check=True,
                   timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", cached("vtest.avi"), "-frames:v", "10", "-vf", "scale=640:480", "-pix_fmt",
                    "yuyv422", "-f", "rawvideo", f"{share}/footage.yuyv"], check=True, timeout=60)
    console = vm.run(share, f"/usr/bin/python3 -B {HERE}/inside.py " + os.environ.get("ZOETROPE_GUEST_CASES", ""),
                     {"ZOETROPE_BUILD": BUILD, "ZOETROPE_SOURCE": SOURCE, "ZOETROPE_DOMAIN": "/dev/shm/zoetrope-guest",
                      "ZOETROPE_CACHE": "", "PYTHONPATH": f"{os.path.dirname(HERE)}:{os.path.dirname(HERE)}/camera"}, timeout=580)
    path = os.path.join(share, "results")
    assert os.path.exists(path), console
    with open(path, encoding="utf-8") as stream:
        results = [json.loads(line) for line in stream]
    failed = [result["case"] for result in results if not result["passed"]]
    for result in results:
        print(f"measured: {'ok  ' if result['passed'] else 'FAIL'} {result['case']}  {result['seconds']:.1f} s  {result['said']}")
    assert results[-1]["case"] == "end", f"the guest stopped before its end:\n{console}"
    assert not failed, f"failed in the guest: {', '.join(failed)}\n{console}"
