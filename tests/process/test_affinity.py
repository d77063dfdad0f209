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


def scheduling(pid):
    """Policy and nice of every thread."""
    found = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            found.add((os.sched_getscheduler(int(thread)), os.getpriority(os.PRIO_PROCESS, int(thread))))
        except ProcessLookupError:
            pass
    return found


NICE = os.getpriority(os.PRIO_PROCESS, 0)  # what the tests were started with, and every process that wishes nothing


def named(policy):
    return f"{policy} nice {NICE}" if NICE else policy


def test_policies():
    """Each process's own, on every thread of it, read back and shown; fifo where the machine lets us."""
    config = {"cameras": {"front": {"source": "test:", "fps": 25, "policy": "batch", "nice": 3}},
              "detectors": {"objects": {"engine": "opencv", "model": "ssd-mobilenet-v2", "cameras": ["front"], "max_fps": 2,
                                        "threads": 0, "policy": "idle"}},
              "save": {"policy": "other"}}
    with Zoetrope(config) as zoe:
        assert scheduling(zoe.pid("camera front")) == {(os.SCHED_BATCH, 3)}
        assert scheduling(zoe.pid("detector objects")) == {(os.SCHED_IDLE, NICE)}
        assert len(threads(zoe.pid("detector objects"))) >= len(CPUS)
        assert scheduling(zoe.pid("recorder")) == {(os.SCHED_OTHER, NICE)}
        wanted = {"camera front": "batch nice 3", "detector objects": named("idle"), "recorder": named("other")}
        wait_for(lambda: {name: p.get("policy") for name, p in zoe.state()["processes"].items()} == wanted, 10, f"{wanted} shown")
        assert "batch nice 3" in zoe.ctl("status").stdout
        pid = zoe.pid("detector objects")
        stray = max(threads(pid))
        os.sched_setscheduler(stray, os.SCHED_BATCH, os.sched_param(0))
        wait_for(lambda: scheduling(pid) == {(os.SCHED_IDLE, NICE)}, 10, "the thread to be set right")
        wait_for(lambda: "had another policy" in zoe.log(), 10, "a word about it")


def test_fifo():
    """With the right to it all threads have it; without, one sentence says what it needs."""
    config = {"cameras": {"front": {"source": "test:", "fps": 5, "policy": "fifo"}}}
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        with open("c.yaml", "w", encoding="utf-8") as stream:
            stream.write("cameras: {front: {source: 'test:', policy: fifo}}\n")
        done = program("run", "c.yaml")
        assert done.returncode == 1 and "key 'policy': cannot set fifo" in done.stderr and "CAP_SYS_NICE" in done.stderr
        return
    with Zoetrope(config) as zoe:
        assert scheduling(zoe.pid("camera front")) == {(os.SCHED_FIFO, NICE)}
        wait_for(lambda: zoe.process_state("camera front").get("policy") == named("fifo"), 10, "the policy shown")


def test_big_and_little_are_numbers_here():
    """Whatever they mean on this machine, each is a part of the CPUs, and shown as numbers."""
    config = {"cameras": {"front": {"source": "test:", "fps": 5, "cpus": "big"}, "back": {"source": "test:", "fps": 5, "cpus": "little"}}}
    with Zoetrope(config) as zoe:
        for name in ("camera front", "camera back"):
            (found,) = set(map(frozenset, threads(zoe.pid(name)).values()))
            assert found and found <= set(CPUS)
            wait_for(lambda: zoe.process_state(name).get("cpus", "")[:1].isdigit(), 10, "numbers shown")
