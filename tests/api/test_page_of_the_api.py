# SPDX-License-Identifier: Apache-2.0
"""docs/http.md: its examples give what is written there, and every path in its table answers."""
import os
import re
import subprocess
from http.client import HTTPConnection

from support import http, wait_for
from support.zoetrope import SOURCE, Zoetrope

CONFIG = {"cameras": {"front": {"source": "test:", "width": 640, "height": 360, "fps": 30}}, "preview": {}}
EXAMPLE = re.compile(r"^```sh\n(.*?)^```\n^```\n(.*?)^```\n", re.M | re.S)


def page():
    with open(os.path.join(SOURCE, "docs", "http.md"), encoding="utf-8") as stream:
        return stream.read()


def shape(text):
    """Lines, with each number as 0."""
    return [re.sub(r"\d+(\.\d+)?", "0", line) for line in re.sub(r"}{", "}\n{", text).splitlines()]


def test_examples():
    examples = EXAMPLE.findall(page())
    assert len(examples) >= 4 and len(examples) == page().count("```sh")
    with Zoetrope(CONFIG) as zoe:
        wait_for(lambda: http.request(zoe.port, "GET", "/readyz")[0] == 200, 10, "everything to be ready")
        for commands, wanted in examples:
            commands = commands.replace("127.0.0.1:8090", f"127.0.0.1:{zoe.port}")
            done = subprocess.run(["bash", "-ec", commands], capture_output=True, text=True, timeout=40)
            assert done.returncode == 0, (commands, done.stdout, done.stderr)
            assert shape(done.stdout) == shape(wanted), f"{commands}\ngives\n{done.stdout}\nand not\n{wanted}"
        assert os.path.getsize("front.jpg") > 1000 and os.path.getsize("front.mkv") > 1000


def test_every_path_of_the_table():
    rows = re.findall(r"^\| (`/.*?) \| ([A-Z, ]+) \|", page(), re.M)
    assert len(rows) >= 9
    with Zoetrope(CONFIG) as zoe:
        wait_for(lambda: http.request(zoe.port, "GET", "/readyz")[0] == 200, 10, "everything to be ready")
        for paths, methods in rows:
            for path in (path for part in re.findall("`(.*?)`", paths) for path in several(part)):
                status = begin_of_answer(zoe.port, methods.split(", ")[0], path.replace("NAME", "front"))
                assert status in (200, 303), f"{path}: {status}"


def begin_of_answer(port, method, path):
    """The status alone: streams have no end."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path)
    status = connection.getresponse().status
    connection.close()
    return status


def several(path):
    """/a/{b,c} is two paths."""
    found = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
    return [found[1] + one + found[3] for one in found[2].split(",")] if found else [path]
