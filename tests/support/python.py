# SPDX-License-Identifier: Apache-2.0
"""The Python package of the build folder, and programs that use it, each in an interpreter of its own."""
import os
import subprocess
import sys
import textwrap
from contextlib import contextmanager

from support.zoetrope import BUILD

PACKAGE = os.path.join(BUILD, "python")
if PACKAGE not in sys.path:
    sys.path.insert(0, PACKAGE)

PYTHON = "/usr/bin/python3"
STRICT = [PYTHON, "-X", "dev", "-W", "error"]
PEER = os.path.join(BUILD, "tests", "peer")


def environment(**more):
    paths = [PACKAGE, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def script(text, *arguments, timeout=50, command=None, **more):
    """Run a program to its end, with every warning an error. Gives its output; what it says on standard error is a failure."""
    done = subprocess.run([*(command or STRICT), "-c", textwrap.dedent(text), *map(str, arguments)], capture_output=True,
                          text=True, timeout=timeout, env=environment(**more))
    assert done.returncode == 0 and not done.stderr, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def started(command, **more):
    """A process that is there during the block, and killed at its end if it still is."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
                          env=environment(), **more) as process:
        try:
            yield process
        finally:
            process.kill()


def started_script(text, *arguments):
    return started([*STRICT, "-u", "-c", textwrap.dedent(text), *map(str, arguments)])


def domain_files():
    """What lies in the domain: nothing, once everybody has left."""
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(os.environ["ZOETROPE_DOMAIN"])
                  for name in names)
