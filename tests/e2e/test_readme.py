# SPDX-License-Identifier: Apache-2.0
"""What README.md shows works as it stands there: its commands, its configuration, its two programs."""
# limit: 120 s
import os
import re
import signal
import subprocess

from support import wait_for
from support.http import free_port
from support.zoetrope import BUILD, CACHE, SOURCE, Zoetrope, domain_entries, program


def blocks(language):
    """The fenced blocks of README.md in a language."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as stream:
        return re.findall(rf"^```{language}\n(.*?)^```", stream.read(), flags=re.S | re.M)


def the_block(language, containing):
    found = [block for block in blocks(language) if containing in block]
    assert len(found) == 1, f"{len(found)} {language} blocks with {containing}"
    return found[0]


def copy_source(folder):
    """The source as git would give it, with what is not committed yet."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, check=True).stdout
    os.mkdir(folder)
    names = b"\0".join(name for name in listed.split(b"\0") if name and os.path.exists(os.path.join(SOURCE.encode(), name)))
    packed = subprocess.run(["tar", "-C", SOURCE, "--null", "-T", "-", "-c"], input=names, capture_output=True, check=True)
    subprocess.run(["tar", "-C", folder, "-x"], input=packed.stdout, check=True)


def test_programs():
    copy_source("zoetrope")
    for name, call in (("publish.c", "zoe_publish("), ("subscribe.c", "zoe_take_next(")):
        with open(os.path.join("zoetrope", name), "w", encoding="utf-8") as stream:
            stream.write(the_block("c", call))
    subprocess.run(["bash", "-e", "-c", the_block("sh", "gcc ")], cwd="zoetrope", check=True)
    with subprocess.Popen(["zoetrope/publish"]) as publisher:
        try:
            wait_for(domain_entries, 10, "the topic to appear")
            with subprocess.Popen(["zoetrope/subscribe"], stdout=subprocess.PIPE, text=True) as subscriber:
                lines = [subscriber.stdout.readline() for _ in range(3)]
                subscriber.kill()
        finally:
            publisher.kill()
    numbers = [int(re.fullmatch(r"frame (\d+): hello number \1\n", line)[1]) for line in lines]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert program("clean").returncode == 0 and not domain_entries()


def test_configuration_and_commands():
    port = free_port()
    config = the_block("yaml", "cameras:").replace("8090", str(port)).replace("cache/", CACHE + "/")
    commands = the_block("sh", "zoetrope ctl").replace("8090", str(port)).replace("build/cli/", BUILD + "/cli/")
    with open("readme.yaml", "w", encoding="utf-8") as stream:
        stream.write(config)
    with Zoetrope("readme.yaml") as zoe:
        zoe.port = port
        zoe.wait_ready()
        done = subprocess.run(["bash", "-ex", "-c", commands], capture_output=True, text=True, timeout=30)
        print(done.stdout, done.stderr)
        assert done.returncode == 0
        assert zoe.stop(signal.SIGTERM) < 10
