# SPDX-License-Identifier: Apache-2.0
"""The extension under AddressSanitizer and UndefinedBehaviorSanitizer, within an ordinary CPython."""
# limit: 240 s
import os
import subprocess
import sys

from support.zoetrope import SOURCE

PACKAGE = os.path.join(SOURCE, "build-asan", "python")
FILES = ["test_frames.py", "test_publish.py", "test_asyncio.py"]
# They start programs of their own, which use the plain build.
LEFT_OUT = "not forced_write and not padded_rows"
# All cases in one process, each with a domain of its own.
PROGRAM = """if True:
    import sys, pytest
    import support.python
    sys.path.remove(support.python.PACKAGE)
    sys.path.insert(0, sys.argv[1])
    import zoetrope._zoetrope
    assert zoetrope._zoetrope.__file__.startswith(sys.argv[1])

    class Apart:
        @pytest.fixture(autouse=True)
        def domain(self, tmp_path, monkeypatch):
            monkeypatch.setenv("ZOETROPE_DOMAIN", str(tmp_path / "domain"))

    sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *sys.argv[2:]], plugins=[Apart()]))
"""


def test_extension():
    """CPython itself leaks on purpose at its end, so the leak check is off; test_leaks.py has that."""
    assert os.path.isdir(PACKAGE), f"{PACKAGE} is not built; ./check builds it"
    libraries = [subprocess.run(["gcc", f"-print-file-name={name}.so"], capture_output=True, text=True, check=True).stdout.strip()
                 for name in ("libasan", "libubsan")]
    environment = {**os.environ, "LD_PRELOAD": " ".join(libraries), "PYTHONMALLOC": "malloc",
                   "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1:allocator_may_return_null=1",
                   "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    files = [os.path.join(os.path.dirname(__file__), name) for name in FILES]
    done = subprocess.run([sys.executable, "-c", PROGRAM, PACKAGE, "-k", LEFT_OUT, *files], capture_output=True, text=True,
                          timeout=230, env=environment)
    print(done.stdout[-4000:], done.stderr[-8000:])
    assert done.returncode == 0 and "AddressSanitizer" not in done.stderr and "runtime error" not in done.stderr
