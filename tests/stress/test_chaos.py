# SPDX-License-Identifier: Apache-2.0
"""A monkey stops, kills and restarts four publishers and nine subscribers, one for each way to read.

ZOETROPE_STRESS_SECONDS says how long (default 60; 600 if ZOETROPE_SOAK is 1), ZOETROPE_CHAOS_SEED repeats a seed that
was printed: its dice, though not the moments at which they fall.
"""
# limit: 1500 s
import os
import subprocess

SECONDS = os.environ.get("ZOETROPE_STRESS_SECONDS") or ("600" if os.environ.get("ZOETROPE_SOAK") == "1" else "60")


def run(build, seconds):
    path = os.path.join(os.environ["ZOETROPE_SOURCE"], build, "tests", "chaos")
    assert os.access(path, os.X_OK), f"{path} is not built; ./check builds it"
    seed = os.environ.get("ZOETROPE_CHAOS_SEED")
    # LeakSanitizer looks at a process from a second one, which would live on, and with it all locks, if only one is killed
    done = subprocess.run([path, str(seconds), *([seed] if seed else [])], capture_output=True, text=True,
                          timeout=float(seconds) + 120, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    print(done.stdout + done.stderr[-8000:])
    assert done.returncode == 0


def test_chaos():
    run(os.environ["ZOETROPE_BUILD"], SECONDS)


def test_under_address_sanitizer():
    run("build-asan", float(SECONDS) / 2)
