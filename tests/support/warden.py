# SPDX-License-Identifier: Apache-2.0
"""Run one case apart from everything else, and look for what it leaves behind.

The warden is a forked child of tests/run that adopts every orphan of the case (PR_SET_CHILD_SUBREAPER), so that nothing the
case started can get out of sight. It reports over a pipe, as JSON.
"""
import ctypes
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE_SECONDS = 0.5  # for processes that are on their way out when the case ends
SANITIZER_SLOWNESS = 4
C_SKIPPED = 77


def environment(source, build, folder, domain):
    """The surroundings of a case: its own domain, home and temporary folder; the rest as it is."""
    cache = os.environ.get("ZOETROPE_CACHE", os.path.join(source, "cache"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZOETROPE_CHANNEL", "PYTEST"))}
    return {**kept, "ZOETROPE_DOMAIN": domain, "ZOETROPE_BUILD": build, "ZOETROPE_SOURCE": source, "ZOETROPE_CACHE": cache,
            "ZOETROPE_MODELS": os.path.join(cache, "models"), "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8",
            "PYTHONPATH": os.path.join(source, "tests"), "PYTHONDONTWRITEBYTECODE": "1",
            "GST_REGISTRY": os.path.join(build, "gstreamer-registry"),  # else made anew in each HOME, which takes a second
            "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}


def slowness(build):
    """How much longer cases may take in this build."""
    try:
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as stream:
            options = {option["name"]: option["value"] for option in json.load(stream)}
    except OSError:
        return 1
    return 1 if options.get("b_sanitize", "none") == "none" else SANITIZER_SLOWNESS


class Started:
    """A case under way, seen from tests/run."""

    def __init__(self, case, pid, pipe):
        self.case, self.pid, self.pipe, self.text = case, pid, pipe, b""

    def read(self):
        """Take what is in the pipe; True at its end."""
        part = os.read(self.pipe, 65536)
        self.text += part
        return not part

    def finish(self, keep):
        os.close(self.pipe)
        status = os.waitpid(self.pid, 0)[1]
        if not self.text:
            return {"outcome": "failed", "seconds": 0, "output": "", "folder": "", "problems": [f"its warden died: {status}"]}
        result = json.loads(self.text)
        if not (keep and result["outcome"] == "failed"):
            shutil.rmtree(result["folder"], ignore_errors=True)
        return result

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        while not self.read():
            pass
        self.finish(False)


def start(case, source, options):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return Started(case, pid, reading)
    os.close(reading)
    status = 1
    try:
        result = watch(case, source, options.build)
        with os.fdopen(writing, "w", encoding="utf-8") as stream:
            json.dump(result, stream)
        status = 0
    finally:
        os._exit(status)


def become(case, source, options):
    """--here: replace this process by the case."""
    folder = tempfile.mkdtemp(prefix="zt-here-", dir="/tmp")
    domain = tempfile.mkdtemp(prefix="zt-here-", dir="/dev/shm")
    os.environ.update(environment(source, options.build, folder, domain))
    print(f"working folder {folder}, domain {domain}: both stay", flush=True)
    os.chdir(folder)
    os.execv(case.command[0], case.command)


def watch(case, source, build):
    """Run the case to its end, in the warden. Returns the result as a dict."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which the case would inherit
    folder = tempfile.mkdtemp(prefix="zt-", dir="/tmp")
    shared = tempfile.mkdtemp(prefix="zt-", dir="/dev/shm")
    domain = os.path.join(shared, "domain")
    work = os.path.join(folder, "work")
    os.mkdir(work)
    os.mkdir(domain, 0o700)
    os.chmod(folder, 0o755)
    os.chmod(shared, 0o755)
    began = time.monotonic()
    problems = []
    with open(os.path.join(folder, "output"), "w+b") as output:
        process = subprocess.Popen(case.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=work,
                                   env=environment(source, build, work, domain), start_new_session=True)
        if not wait_for_end(process, case.limit * slowness(build)):
            problems.append(f"not done after {case.limit * slowness(build)} s: killed")
        seconds = time.monotonic() - began
        problems += end_processes(process, patient=not problems)
        problems += left_files(shared)
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    shutil.rmtree(shared, ignore_errors=True)
    return {"outcome": outcome(process.returncode, text, problems, case), "seconds": seconds, "output": text,
            "problems": problems, "folder": folder}


def wait_for_end(process, seconds):
    """Wait for the case, or for tests/run telling to stop. True if it ended by itself."""
    pidfd = os.pidfd_open(process.pid)
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"x"))
    ready = select.select([pidfd, told], [], [], seconds)[0]
    signal.signal(signal.SIGTERM, lambda *_: None)
    for descriptor in (pidfd, told, tell):
        os.close(descriptor)
    return pidfd in ready


def descendants():
    """Living processes below this one: pid -> command line."""
    parents, names = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
                state, parent = stream.read().rsplit(")", 1)[1].split()[:2]
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as stream:
                names[int(pid)] = stream.read().replace("\0", " ").strip()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(pid)] = (int(parent), state)
    below = {os.getpid()}
    while True:
        more = {pid for pid, (parent, _) in parents.items() if parent in below} - below
        if not more:
            break
        below |= more
    return {pid: names[pid] for pid in below - {os.getpid()} if parents[pid][1] not in "ZX"}


def end_processes(process, patient):
    """Reap the case; kill whatever it started that is still alive. Returns what was alive, as sentences."""
    if process.poll() is None:
        process.kill()
    process.wait()
    deadline = time.monotonic() + (GRACE_SECONDS if patient else 0)
    alive = descendants()
    while alive and time.monotonic() < deadline:
        time.sleep(0.01)
        alive = descendants()
    problems = [f"left behind: process {pid}, {name}" for pid, name in sorted(alive.items())] if patient else []
    while alive:
        for pid in alive:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.005)
        alive = descendants()
    return problems


def left_files(shared):
    """Whatever lies in the case's domain, or beside it, but the empty domain itself."""
    problems = []
    for folder, folders, files in os.walk(shared):
        for name in sorted(files) + [name for name in sorted(folders) if os.path.islink(os.path.join(folder, name))]:
            problems.append("left behind: file " + os.path.relpath(os.path.join(folder, name), shared))
    return problems[:20]


def outcome(status, text, problems, case):
    if status < 0:
        problems.append(f"ended by {signal.Signals(-status).name}")
    elif status not in (0, C_SKIPPED):
        problems.append(f"exit status {status}")
    if problems:
        return "failed"
    python_skipped = case.command[0].endswith("python3") and not re.search(r"\d+ passed", text)
    return "skipped" if status == C_SKIPPED or python_skipped else "passed"
