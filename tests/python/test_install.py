# SPDX-License-Identifier: Apache-2.0
"""Installed without PyPI: pip in a virtual environment, and the way a distribution links it."""
# limit: 400 s
# alone
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from test_readme import copy_source  # noqa: E402
from support.python import PACKAGE, PYTHON, STRICT, domain_files  # noqa: E402
from support.zoetrope import SOURCE  # noqa: E402

# No network: what is not on this machine must not be needed.
OFFLINE = {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def run(*command, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, env={**clean, **environment})
    assert done.returncode == 0, (command, done.stdout[-4000:], done.stderr[-4000:])
    return done.stdout


def test_pip_in_a_virtual_environment():
    copy_source("source")
    run(PYTHON, "-m", "venv", "--system-site-packages", "venv")
    run("venv/bin/pip", "install", "--no-build-isolation", "./source", **OFFLINE)
    used = run("venv/bin/python", "-X", "dev", "-W", "error", "-c",
               "import zoetrope, numpy\n"
               "publisher = zoetrope.Publisher('front')\n"
               "subscriber = zoetrope.subscribe('front', mode='next')\n"
               "publisher.publish(numpy.ones((4, 4, 3), numpy.uint8))\n"
               "print(subscriber.next().bgr().sum(), zoetrope.__file__)")
    total, path = used.split()
    assert total == "48" and path.startswith(os.path.abspath("venv"))
    files = [line.split(",")[0] for line in run("venv/bin/pip", "show", "-f", "zoetrope", **OFFLINE).splitlines()]
    assert any("_zoetrope.pyi" in file for file in files) and any("py.typed" in file for file in files)
    assert not any("libzoetrope" in file or file.strip().endswith(".h") for file in files), files
    libraries = run("ldd", os.path.join(os.path.dirname(path), next(f for f in os.listdir(os.path.dirname(path)) if f.endswith(".so"))))
    assert "libzoetrope" not in libraries
    run("venv/bin/pip", "uninstall", "-y", "zoetrope", **OFFLINE)
    assert not domain_files()


def test_linked_as_a_distribution_does():
    """An extension over libzoetrope.so, and the one with a copy of its own, in one process on one topic."""
    run("meson", "setup", "shared", SOURCE, "-Dprogram=disabled", "-Dpython=enabled", "-Dpython_link=shared")
    run("ninja", "-C", "shared", "python-package")
    folder = os.path.abspath("shared/python/zoetrope")
    extension = next(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".so"))
    assert "libzoetrope.so.0" in run("ldd", extension)
    program = f"""if True:
        import importlib.util, sys, zoetrope
        spec = importlib.util.spec_from_file_location("other._zoetrope", {extension!r})
        other = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(other)
        assert other.Frame is not zoetrope.Frame and "libzoetrope.so.0" in open("/proc/self/maps").read()
        for mine, theirs in ((zoetrope, other), (other, zoetrope)):
            publisher, subscriber = mine.Publisher("front"), theirs.Subscriber("front", mode="next")
            held = mine.Subscriber("front", mode="next")
            publisher.publish(bytes(70000), "MJPEG", width=4, height=4)
            assert subscriber.next().size == held.next().size == 70000
            subscriber.close()
            publisher.publish(b"x")
            assert bytes(held.next()) == b"x"
    """
    run(*STRICT, "-W", "ignore::ResourceWarning", "-c", program, PYTHONPATH=PACKAGE)
    assert not domain_files()
