# SPDX-License-Identifier: Apache-2.0
"""tests/run itself: what a case leaves behind is found, and the last line counts."""
import os
import shutil
import subprocess
import sys

SOURCE = os.environ["ZOETROPE_SOURCE"]


def run(body, *arguments, environment=()):
    """Run a copy of the runner over one Python test file that holds body; gives (exit status, output lines)."""
    for folder in ("tests/unit", "tests/support"):
        os.makedirs(folder)
    shutil.copy(os.path.join(SOURCE, "tests/run"), "tests")
    for name in ("cases.py", "warden.py", "wait.py", "__init__.py"):
        shutil.copy(os.path.join(SOURCE, "tests/support", name), "tests/support")
    with open("tests/unit/test_x.py", "w", encoding="utf-8") as stream:
        stream.write("import os, subprocess, time\n" + body)
    done = subprocess.run([sys.executable, "tests/run", *arguments], text=True, capture_output=True, timeout=50,
                          env={**os.environ, **dict(environment)})
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout.splitlines()


def test_passing():
    status, lines = run("def test_a(): pass\ndef test_b(): print('measured: 3 apples')\n")
    assert status == 0 and lines[-1] == "2 passed, 0 failed"
    assert any("measured: 3 apples" in line for line in lines)


def test_failing():
    status, lines = run("def test_a(): assert 1 == 2\ndef test_b(): pass\n")
    assert status == 1 and lines[-1] == "1 passed, 1 failed"
    assert any("assert 1 == 2" in line for line in lines) and "failed: unit/x.a" in lines


def test_left_process():
    status, lines = run("def test_a(): subprocess.Popen(['sleep', '99'], start_new_session=True)\n")
    assert status == 1 and any("left behind: process" in line and "sleep 99" in line for line in lines)


def test_left_file():
    status, lines = run("def test_a():\n d = os.environ['ZOETROPE_DOMAIN']\n open(d + '/f', 'w').close()\n")
    assert status == 1 and any("left behind: file domain/f" in line for line in lines)


def test_time_limit():
    status, lines = run("# limit: 1 s\ndef test_a(): time.sleep(30)\n")
    assert status == 1 and any("not done after 1 s" in line for line in lines)


def test_skipping():
    body = "import pytest\ndef test_a(): pytest.skip('no')\ndef test_b(): pass\n"
    status, lines = run(body, environment={"CI": "false"})
    assert status == 0 and lines[-1] == "1 passed, 0 failed, 1 skipped"


def test_skipping_in_ci():
    body = "import pytest\ndef test_a(): pytest.skip('no')\ndef test_b(): pass\n"
    status, lines = run(body, environment={"CI": "true"})
    assert status == 1 and lines[-1] == "1 passed, 1 failed"


def test_choosing():
    status, lines = run("def test_a(): pass\ndef test_ab(): pass\n", "x.a")
    assert status == 0 and lines[-1] == "1 passed, 0 failed"


def test_unknown_name():
    status, _ = run("def test_a(): pass\n", "y")
    assert status == 2
