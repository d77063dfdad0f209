# SPDX-License-Identifier: Apache-2.0
"""Two publishers and three subscribers at full speed: nothing torn, no gap that is not reported.

Processes under AddressSanitizer, threads under ThreadSanitizer; and ThreadSanitizer must notice a planted mistake.
ZOETROPE_STRESS_SECONDS says how long (default 60).
"""
# limit: 180 s
import os
import subprocess

SECONDS = os.environ.get("ZOETROPE_STRESS_SECONDS", "60")


def run(build, program, *arguments, seconds=SECONDS):
    path = os.path.join(os.environ["ZOETROPE_SOURCE"], build, "tests", program)
    assert os.access(path, os.X_OK), f"{path} is not built; ./check builds it"
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=0 exitcode=66", ASAN_OPTIONS="detect_leaks=1")
    done = subprocess.run([path, arguments[0], seconds, *arguments[1:]], capture_output=True, text=True, env=environment,
                          timeout=170)
    print(done.stdout + done.stderr[-8000:])
    return done


def test_processes():
    assert run("build-asan", "stress", "processes", "2", "3").returncode == 0


def test_threads():
    assert run("build-tsan", "stress", "threads", "2", "3").returncode == 0


def test_small_messages():
    assert run("build-tsan", "stress", "threads", "2", "3", "96", seconds="5").returncode == 0


def test_planted_race_is_found():
    for step in ("P4", "T4"):
        done = run("build-tsan", f"stress_planted_{step}", "threads", "2", "3", seconds="2")
        assert done.returncode == 66 and "WARNING: ThreadSanitizer: data race" in done.stderr, \
            f"the plain store in place of {step} was not found: status {done.returncode}"
