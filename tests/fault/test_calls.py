# SPDX-License-Identifier: Apache-2.0
"""The library calls nothing of libc that can fail and that tests/fault does not make fail."""
import os
import subprocess

FOLDER = os.path.dirname(os.path.realpath(__file__))
# These cannot fail as the library uses them: no system call, or one without a way to fail but by a wrong argument;
# close() closes whatever it says; a nanosleep() that ends early only looks again sooner.
NO_FAILURE = """
__assert_fail __errno_location __stack_chk_fail __tls_get_addr _GLOBAL_OFFSET_TABLE_ alphasort64 atoi bcmp clock_gettime close
closedir free geteuid getpid gettid memchr memcmp memcpy memmove memset munmap nanosleep qsort sched_yield secure_getenv snprintf
sscanf strchr strcmp strerror strlen strncmp strnlen strrchr strspn strstr strtol strtoul strtoull vsnprintf
""".split()


def test_all_are_known():
    archive = os.path.join(os.environ["ZOETROPE_BUILD"], "lib", "libzoetrope.a")
    listed = subprocess.run(["nm", "-A", archive], capture_output=True, text=True, check=True).stdout
    symbols = [line.split()[-2:] for line in listed.splitlines() if line.split()]
    defined = {name for kind, name in symbols if kind in "TDBRV"}
    used = {name for kind, name in symbols if kind in "Uw"} - defined
    sanitizers = {name for name in used if name.startswith(("__asan", "__ubsan", "__tsan", "__sanitizer"))}
    with open(os.path.join(FOLDER, "calls.txt"), encoding="utf-8") as stream:
        faulty = set(stream.read().split())
    unknown = used - sanitizers - faulty - set(NO_FAILURE)
    print(f"measured: {len(used & faulty)} calls that can fail")
    assert not unknown, f"neither in tests/fault/calls.txt nor in NO_FAILURE: {', '.join(sorted(unknown))}"
    assert not faulty - used, f"in tests/fault/calls.txt, but not used any more: {', '.join(sorted(faulty - used))}"
