# SPDX-License-Identifier: Apache-2.0
"""The package as an editor and a reader see it: type stubs that agree with what is there, and help() for everything."""
# limit: 240 s
import inspect
import os
import pydoc
import subprocess
import textwrap

import pytest

from support.python import PACKAGE, PYTHON, environment

import zoetrope
import zoetrope.detector
from zoetrope import _zoetrope

TYPED = """
    import numpy
    import zoetrope
    import zoetrope.detector
    from numpy.typing import NDArray

    def first(topic: str) -> NDArray[numpy.uint8]:
        with zoetrope.subscribe(topic, timeout=1.0) as subscriber:
            for frame in subscriber:
                seq: int = frame.seq
                format: str | None = frame.format
                assert subscriber.next(timeout=0) is None
                image: NDArray[numpy.uint8] = frame.bgr()
                return image
        raise KeyError(topic)

    def send(image: NDArray[numpy.uint8]) -> int:
        with zoetrope.Publisher("front", depth=8) as publisher, publisher.loan((480, 640, 3), "BGR24") as loan:
            loan.array[...] = image
            return publisher.publish(image)
"""
WRONG = """
    import zoetrope
    zoetrope.Subscriber("front", mode="newest")
    zoetrope.Publisher(5)
    zoetrope.subscribe("front").next().sequence
"""


def mypy(*arguments):
    return subprocess.run([PYTHON, "-m", *arguments], capture_output=True, text=True, timeout=250,
                          env=environment(MYPYPATH=PACKAGE, MYPY_CACHE_DIR=os.path.abspath("mypy")))


def check(name, text):
    with open(name, "w", encoding="utf-8") as stream:
        stream.write(textwrap.dedent(text))
    return mypy("mypy", "--strict", "--ignore-missing-imports", "--follow-imports=silent", name)


def test_stubs_agree_with_the_module():
    done = mypy("mypy.stubtest", "zoetrope._zoetrope", "--concise")
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_of_a_program():
    done = check("typed.py", TYPED)
    assert done.returncode == 0, done.stdout
    done = check("wrong.py", WRONG)
    assert done.stdout.count("error:") == 3, done.stdout


def test_help():
    """Every public thing has its sentence, and help() shows the way in first."""
    text = pydoc.plain(pydoc.render_doc(zoetrope))
    assert text.index("for frame in zoetrope.subscribe") < 700
    things = [getattr(zoetrope, name) for name in zoetrope.__all__ if name != "DETECTION_DTYPE"]
    for thing in [*things, zoetrope.detector, zoetrope.detector.run]:
        assert inspect.getdoc(thing) and len(inspect.getdoc(thing)) > 30, thing
    for kind in (zoetrope.Subscriber, zoetrope.Frame, zoetrope.Publisher, zoetrope.Loan):
        for name, member in vars(kind).items():
            if not name.startswith("_"):
                assert inspect.getdoc(member), f"{kind.__name__}.{name} says nothing"


def test_module():
    """Names, an instance that nobody may make, and a type that nobody may change."""
    assert zoetrope.Frame.__module__ == "zoetrope" and zoetrope.__version__ == _zoetrope.__version__
    for kind in (zoetrope.Frame, zoetrope.Loan, _zoetrope.Plane, _zoetrope.Pixels):
        with pytest.raises(TypeError):
            kind()
    with pytest.raises(TypeError):
        zoetrope.Frame.array = None
    assert zoetrope.now_ns() <= zoetrope.now_ns()
