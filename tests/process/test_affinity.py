# SPDX-License-Identifier: Apache-2.0
"""cpus: of the configuration, read back from every thread of the processes in /proc."""
import os
import subprocess

import pytest

from support import wait_for
from support.zoetrope import PROGRAM, Zoetrope, cached, without_privileges

CPUS = sorted(os.sched_getaffinity(0))


def threads(pid):
    """{thread: its CPUs}, of all that are there."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            found[int(thread)] = os.sched_getaffinity(int(thread))
        except ProcessLookupError:
            pass
    return found


def config():
    return {
        "cameras": {"front": {"source": "file:" + cached("vtest.avi"), "fps": 25, "loop": True, "cpus": str(CPUS[0]), "nice": 1}},
        "detectors": {"objects": {"engine": "opencv", "model": "ssd-mobilenet-v2", "cameras": ["front"], "max_fps": 5,
                                  "threads": 2, "cpus": str(CPUS[-1])}},
        "preview": {},
        "save": {"cpus": f"{CPUS[0]},{CPUS[-1]}" if len(CPUS) > 1 else str(CPUS[0])},
    }


def test_every_thread():
    wanted = {"camera front": {CPUS[0]}, "detector objects": {CPUS[-1]}, "preview": set(CPUS), "recorder": {CPUS[0], CPUS[-1]}}
    with Zoetrope(config()) as zoe, zoe.stream("front") as stream:
        next(stream)
        wait_for(lambda: zoe.state()["cameras"]["front"]["metrics"]["detectors"].get("objects", {}).get("results", 0) > 5, 20,
                 "results: then all threads of the engine are there")
        for name, pid in zoe.pids().items():
            found = threads(pid)
            print(f"measured: {name}: {len(found)} threads on {found[pid]}")
            assert all(cpus == wanted[name] for cpus in found.values()), (name, found)
        assert len(threads(zoe.pid("detector objects"))) > 1
        assert os.getpriority(os.PRIO_PROCESS, zoe.pid("camera front")) == 1
        processes = wait_for(lambda: all("threads" in p for p in zoe.state()["processes"].values()) and zoe.state()["processes"],
                             10, "samples of all processes")
        assert processes["camera front"]["cpus"] == str(CPUS[0])
        assert processes["detector objects"]["cpus"] == str(CPUS[-1])
        assert processes["detector objects"]["threads"] == len(threads(zoe.pid("detector objects")))


def test_thread_that_strays_is_put_back():
    """With the next heartbeat, and said once."""
    if len(CPUS) < 2:
        pytest.skip("one CPU: there is nowhere to stray")
    with Zoetrope({"cameras": {"front": {"source": "test:", "cpus": str(CPUS[0])}}}) as zoe:
        pid = zoe.pid("camera front")
        stray = max(threads(pid))
        os.sched_setaffinity(stray, {CPUS[-1]})
        wait_for(lambda: threads(pid)[stray] == {CPUS[0]}, 10, "the thread to be moved back")
        wait_for(lambda: "on other CPUs than" in zoe.log(), 10, "a word about it")
        assert zoe.process_state("camera front")["cpus"] == str(CPUS[0])


def test_negative_nice_without_the_right():
    with open("c.yaml", "w", encoding="utf-8") as stream:
        stream.write("cameras: {front: {source: 'test:', nice: -5}}\n")
    done = subprocess.run(without_privileges([PROGRAM, "run", "c.yaml"]), capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "camera front: key 'nice': cannot set -5" in done.stderr
