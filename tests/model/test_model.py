# SPDX-License-Identifier: Apache-2.0
"""The models hold, every statement of them is reached, and each mistake of model/broken/ is found by its assertion.

ZOETROPE_SOAK=1 gives the bit-state searches 300 s each instead of 8. tests/model/test_run.py shows that model/run can fail.
"""
# limit: 2400 s
# limit: models_hold 7200 s
import os
import re
import subprocess

RUN = os.path.join(os.environ["ZOETROPE_SOURCE"], "model", "run")


def check_models(name, least):
    """Run models by name; at least so many runs are wanted."""
    done = subprocess.run([RUN, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = done.stdout.splitlines()
    for line in lines:
        print(f"measured: {line}" if line.startswith("ok ") or "processor time" in line else line)
    counted = re.fullmatch(r"(\d+) passed, (\d+) failed", lines[-1])
    assert done.returncode == 0 and counted and counted[2] == "0"
    assert int(counted[1]) >= least, f"{counted[1]} runs, {least} at least are wanted"


def test_models_hold():
    check_models("models", 39)


def test_mistakes_are_found():
    check_models("broken", 59)
