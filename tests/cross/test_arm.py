# SPDX-License-Identifier: Apache-2.0
"""libzoetrope on arm64 and armhf (32 bit), built here and run under qemu-user; and machines of both widths on one topic.

What qemu-user 7.2 does not show: weak memory order (it runs with this machine's), MADV_DONTFORK and MADV_WIPEONFORK, which it
takes and ignores: there the library compares process ids, and a forked child prolongs its parent's lock byte. Open file
description locks, shared futexes, FIFOs and renameat2 work.
"""
# limit: 300 s
# alone
import fcntl
import os
import re
import shutil
import subprocess
import tempfile

SOURCE = os.environ["ZOETROPE_SOURCE"]
MACHINES = {"aarch64": ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
            "armhf": ["qemu-arm-static", "-L", "/usr/arm-linux-gnueabihf"]}
CORE = ["take", "topic", "modes", "shape", "space", "fault"]
FAULT_CASES = ["publisher_open_new", "subscriber_open", "loan_first_use", "publish_to_listeners", "take_waiting"]  # all take a minute
COUNT = 20  # frames that each subscriber takes


def build(machine):
    """The build folder for that machine, up to date."""
    folder = os.path.join(SOURCE, "build-" + machine)
    with open(os.path.join(SOURCE, "tests", "cross", machine + ".ini"), encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            run(["meson", "setup", "--cross-file", lock.name, "-Dprogram=disabled", folder, SOURCE])
        run(["ninja", "-C", folder])
    return folder


def run(command, seconds=240, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, **options)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def run_case(command, case):
    """One case in a domain of its own."""
    domain = tempfile.mkdtemp(dir=os.path.dirname(os.environ["ZOETROPE_DOMAIN"]))
    try:
        run([*command, case], 60, env={**os.environ, "ZOETROPE_DOMAIN": domain})
        left = [name for _, _, files in os.walk(domain) for name in files]
        assert not left, f"{case} left behind {left}"
    finally:
        shutil.rmtree(domain)


def run_core(machine):
    folder, count = build(machine), 0
    for program in CORE:
        command = [*MACHINES[machine], os.path.join(folder, "tests", "test_" + program)]
        for case in FAULT_CASES if program == "fault" else run([*command, "--list"]).split():
            run_case(command, case)
            count += 1
    print(f"measured: {count} cases passed on {machine}")
    assert count > 50


def test_arm64():
    run_core("aarch64")


def test_armhf():
    run_core("armhf")


def start(program, *arguments):
    return subprocess.Popen([*program, *arguments], stdout=subprocess.PIPE, text=True)


def test_machines_of_both_widths_share_a_topic():
    """The layout is the same: each machine's publisher reaches the subscribers of all, one after the other."""
    here = os.environ["ZOETROPE_BUILD"]
    examples = {"this machine": [os.path.join(here, "examples") + "/"]}
    for machine, emulator in MACHINES.items():
        examples[machine] = [*emulator, os.path.join(build(machine), "examples") + "/"]
    for publisher, command in examples.items():
        publishing = start([*command[:-1], command[-1] + "publish"], "front")
        try:
            while not os.path.isdir(os.path.join(os.environ["ZOETROPE_DOMAIN"], "front")):
                assert publishing.poll() is None
            subscribers = {name: start([*c[:-1], c[-1] + "subscribe"], "front", str(COUNT)) for name, c in examples.items()}
            for name, subscriber in subscribers.items():
                text = subscriber.communicate(timeout=60)[0]
                assert subscriber.returncode == 0, f"{publisher} to {name}: {text}"
                check_frames(text, f"{publisher} to {name}")
        finally:
            publishing.kill()
            publishing.wait()
            publishing.stdout.close()
        shutil.rmtree(os.path.join(os.environ["ZOETROPE_DOMAIN"], "front"))


def check_frames(text, what):
    """The example fills frame n with the byte n."""
    frames = re.findall(r"frame (\d+): 640x480 GREY, first byte (\d+), lost 0", text)
    assert len(frames) == COUNT, f"{what}: {text}"
    first = int(frames[0][0])
    assert [(int(n), int(byte)) for n, byte in frames] == [(n, n % 256) for n in range(first, first + COUNT)], what
