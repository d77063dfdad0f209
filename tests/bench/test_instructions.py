# SPDX-License-Identifier: Apache-2.0
"""The hot path in instructions: counted by callgrind in a probe of its own, compared with instructions.txt.

A count does not depend on the machine or its load, only on the compiler and its options, which are fixed here. It may
differ from the file by TOLERANCE: another version of the compiler orders things anew, but hardly changes how much there
is to do. What got slower than that on purpose, or faster: print the new lines with tests/run --here and put them in.
"""
# limit: 180 s
import glob
import os
import re
import shutil
import subprocess

HERE = os.path.dirname(os.path.realpath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
KEPT = os.path.join(HERE, "instructions.txt")
SIZES = ("64", "6220800", "24883200")  # bytes: a message, 1080p and 2160p RGB
TOLERANCE = 0.03


def build_probe():
    compiler = shutil.which("gcc")
    assert compiler, "gcc is missing: tools/install-packages build"
    sources = sorted(glob.glob(os.path.join(SOURCE, "lib", "*.c")))
    subprocess.run([compiler, "-O2", "-g", "-std=gnu11", "-D_GNU_SOURCE", "-I" + os.path.join(SOURCE, "include"), "-I" + SOURCE,
                    os.path.join(HERE, "probe.c"), *sources, "-Wl,--wrap=clock_gettime", "-o", "probe"], check=True)


def count(size, pace, function):
    """Instructions of one call, the mean over all calls but for what is left of a whole."""
    domain = os.path.join(os.environ["ZOETROPE_DOMAIN"], "probe")
    os.makedirs(os.path.dirname(domain), mode=0o700, exist_ok=True)
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=" + function,
                           "./probe", domain, size, pace], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    os.rmdir(domain)
    calls = int(done.stdout)
    collected = int(re.search(r"Collected : (\d+)", done.stderr)[1])
    return round(collected / calls)


def count_all():
    build_probe()
    return {(function, pace, size): count(size, pace, function)
            for function in ("loan_publish", "take_release") for pace in ("fast", "slow") for size in SIZES}


def kept():
    with open(KEPT, encoding="utf-8") as stream:
        rows = [line.split() for line in stream if line.strip() and not line.startswith("#")]
    return {tuple(row[:3]): int(row[3]) for row in rows}


def test_as_kept():
    counted, wanted = count_all(), kept()
    for row, number in counted.items():
        print("measured", *row, number, f"(kept: {wanted.get(row)})")
    assert set(counted) == set(wanted), f"{KEPT} names other rows than are counted"
    wrong = [row for row, number in counted.items() if abs(number - wanted[row]) > TOLERANCE * wanted[row]]
    assert not wrong, f"differ from {KEPT} by more than {TOLERANCE:.0%}; if that is meant, put the new numbers there: {wrong}"
    # what a frame's size must not change: nothing at all among large ones, a little between messages and frames
    for function in ("loan_publish", "take_release"):
        for pace in ("fast", "slow"):
            assert counted[function, pace, "6220800"] == counted[function, pace, "24883200"]
        small, large = counted[function, "fast", "64"], counted[function, "fast", "24883200"]
        assert large <= 1.1 * small, f"{function}: {large} instructions for 25 MB, {small} for 64 bytes"
