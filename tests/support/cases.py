# SPDX-License-Identifier: Apache-2.0
"""Find the test cases: C programs are asked with --list, Python files are read (not imported).

A comment "limit: 120 s" in a test file sets the time limit of its cases, "limit: CASE 120 s" of one. A comment "alone" says
that its cases run while no other does. Groups in ALONE always do: they load the machine.
"""
import ast
import fnmatch
import glob
import os
import re
import subprocess

ALONE = {"api", "web", "detect", "e2e", "stress"}
LIMIT_SECONDS = 60
LIMIT = re.compile(r"^\s*(?:#|//|/?\*)\s*limit:\s*(?:(\w+)\s+)?(\d+) s\b", re.M)
ALONE_MARK = re.compile(r"^\s*(?:#|//|/?\*)\s*alone\b", re.M)


class Problem(Exception):
    """What the user of tests/run must be told."""


class Case:
    def __init__(self, group, file, case, command, source):
        self.group, self.file, self.case = group, file, case
        self.name = f"{group}/{file}.{case}"
        self.command = command
        self.alone, self.limit = read_marks(source, group, case)

    def matches(self, pattern):
        if "/" not in pattern:
            pattern = "*/" + pattern
        if pattern.endswith("/"):
            pattern += "*"
        return any(fnmatch.fnmatchcase(self.name, p) for p in (pattern, pattern + ".*"))


def read_marks(source, group, case):
    with open(source, encoding="utf-8") as stream:
        text = stream.read()
    limits = {name: int(seconds) for name, seconds in LIMIT.findall(text)}
    alone = group in ALONE or bool(ALONE_MARK.search(text))
    return alone, limits.get(case, limits.get("", LIMIT_SECONDS))


def groups(source):
    paths = glob.glob(os.path.join(source, "tests", "*", "test_*.*"))
    return sorted({os.path.basename(os.path.dirname(path)) for path in paths})


def find(source, build):
    found = []
    for path in sorted(glob.glob(os.path.join(source, "tests", "*", "test_*.*"))):
        group = os.path.basename(os.path.dirname(path))
        file = os.path.basename(path).removeprefix("test_")
        if path.endswith((".c", ".cpp")):
            found += c_cases(group, os.path.splitext(file)[0], path, build)
        elif path.endswith(".py"):
            found += python_cases(group, os.path.splitext(file)[0], path)
    return found


def c_cases(group, file, path, build):
    program = os.path.join(build, "tests", "test_" + file)
    if not os.access(program, os.X_OK):
        return [broken(group, file, path, f"{program} is not built: run ninja, or add it to tests/meson.build")]
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=30)
    names = listed.stdout.split()
    if listed.returncode or not names:
        return [broken(group, file, path, f"{program} --list names no case: {listed.stderr.strip()[-500:]}")]
    return [Case(group, file, name, [program, name], path) for name in names]


def broken(group, file, path, sentence):
    """Stands for the cases that cannot be listed, and fails."""
    return Case(group, file, "broken", ["/bin/sh", "-c", 'echo "$0"; exit 1', sentence], path)


def python_cases(group, file, path):
    with open(path, encoding="utf-8") as stream:
        tree = ast.parse(stream.read(), path)
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    if not names:
        raise Problem(f"{os.path.relpath(path)} holds no function test_...")
    pytest = ["/usr/bin/python3", "-m", "pytest", "-q", "-s", "--no-header", "--tb=short", "-rs", "-p", "no:cacheprovider",
              "--rootdir", os.path.dirname(path)]
    return [Case(group, file, name.removeprefix("test_"), [*pytest, f"{path}::{name}"], path) for name in names]
