# SPDX-License-Identifier: Apache-2.0
"""Every row of every option shows in `zoetrope help`, in the roles' --help and in the man pages, with the same words."""
import os
import re
import subprocess

from support.zoetrope import BUILD, SOURCE, program

COMMANDS = ["run", "ctl", "ls", "info", "top", "view", "cat", "clean", "model", "detect", "devices", "version", "help"]
ROLES = {"camera": ["cameras"], "detector": ["detectors"], "preview": ["preview"], "recorder": ["save"]}


def keys():
    """[(section, key, sentence, wanted and default)] out of `zoetrope help config`."""
    section, found = None, []
    lines = program("help", "config").stdout.splitlines()
    for line, below in zip(lines, lines[1:]):
        if re.match(r"\S", line):
            section = line.split(":")[0]
        elif re.match(r"    \S", line):
            found.append((section, *line.split(None, 1), below.strip()))
    return found


def man(page):
    """A man page's source as plain text, a paragraph each line joined."""
    with open(os.path.join(SOURCE, "man", page), encoding="utf-8") as stream:
        return stream.read().replace("\\-", "-")


def test_config_has_all_sections():
    found = keys()
    assert {section for section, *_ in found} == {"cameras", "detectors", "preview", "save", "in each of them"}
    assert ("cameras", "fps") in [key[:2] for key in found]
    assert len(found) < 60  # promised in the design


def test_man_page_has_every_key():
    page = man("zoetrope.yaml.5")
    sections = dict(re.findall(r"^\.SS (\S+)[^\n]*\n(.*?)(?=^\.S[SH])", page, re.M | re.S))
    for section, key, sentence, wanted in keys():
        title = {"in each of them": "In"}.get(section, section)
        text = sections.get(title) or sections[f"{title}.NAME"]
        assert f".TP\n.B {key}\n{sentence}\n.br\n{wanted}.\n" in text, f"man/zoetrope.yaml.5 lacks {section}.{key}: {sentence} {wanted}"
    assert len(keys()) == page.count(".TP\n"), "man/zoetrope.yaml.5 has a key that is no more"


def test_man_page_has_every_command_and_option():
    page = man("zoetrope.1")
    for command in COMMANDS:
        said = program("help", command).stdout
        assert f".B zoetrope {command}\n" in page and f".TP\n.B {command}\n" in page
        assert said.splitlines()[2] in page, f"man/zoetrope.1 does not say: {said.splitlines()[2]}"
        for option in re.findall(r"^  --(\S+)\n\s+(.*)$", said, re.M):
            assert f"--{option[0]}" in page and (option[1] in page or option[0] == "json"), option


def test_man_pages_are_sound():
    for page in ("zoetrope.1", "zoetrope.yaml.5", "zoetrope-model.5"):
        done = subprocess.run(["man", "--warnings", "-l", os.path.join(SOURCE, "man", page)], capture_output=True, text=True,
                              env={**os.environ, "MANWIDTH": "120"})
        assert done.returncode == 0 and not done.stderr, done.stderr


def test_roles_help_has_every_key():
    for role, (section,) in ROLES.items():
        said = subprocess.run([os.path.join(BUILD, "roles", "zoetrope-" + role), "--help"], capture_output=True, text=True)
        assert said.returncode == 0
        for of, key, sentence, _ in keys():
            if of in (section, "in each of them"):
                assert f"  --{key.replace('_', '-')}\n        {sentence}\n" in said.stdout, f"{role}: {key}"
        for common in ("name", "domain", "log"):
            assert f"  --{common}\n" in said.stdout


def test_help_of_each_command():
    listed = program("help")
    assert listed.returncode == 0
    for command in COMMANDS:
        assert f"  {command} " in listed.stdout
        assert program("help", command).stdout == program(command, "--help").stdout
        assert program("help", command).stdout.startswith(f"usage: zoetrope {command}")
    assert program("--help").stdout == listed.stdout == program().stdout


def test_version():
    assert program("version").stdout == program("--version").stdout
    assert re.fullmatch(r"zoetrope \d+\.\d+\.\d+\n", program("version").stdout)


def refused(*arguments):
    done = program(*arguments)
    assert done.returncode == 2 and not done.stdout, done
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("zoetrope: ")
    return done.stderr


def test_wrong_command_lines():
    assert "did you mean 'clean'?" in refused("claen")
    assert "'xyzzy' is not known" in refused("xyzzy")
    assert "did you mean '--status'?" in refused("run", "--statsu", "x.yaml")
    assert "--domain wants a value" in refused("ls", "--domain")
    assert "one configuration file, found 0" in refused("run")
    assert "one configuration file, found 2" in refused("run", "a", "b")
    assert "--log: wanted one of info|error, found 'loud'" in refused("run", "--log=loud", "a")
    assert "usage: zoetrope ctl" in refused("ctl")
    assert "usage: zoetrope ctl" in refused("ctl", "front", "detect", "maybe")
    assert "'x' is too much" in refused("clean", "x")
    assert "'x' is too much" in refused("ls", "x")
    assert "'x' is too much" in refused("top", "x")
    assert "wanted one topic, found 2" in refused("info", "x", "y")
    assert "--interval: wanted" in refused("top", "--interval=soon")
    assert "is not known" in refused("help", "nothing")
    assert "wanted `list`, or `fetch` and names" in refused("model") and "`list`" in refused("model", "fetch")
    assert "wanted pictures, found none" in refused("detect")
    assert "'a/b' is no name of a model" in refused("model", "fetch", "a/b")


def test_role_alone_with_wrong_command_line():
    camera = os.path.join(BUILD, "roles", "zoetrope-camera")
    for arguments, words in ((["--source=test:", "--fsp=5"], "key 'fsp' is not known; did you mean 'fps'?"),
                             (["--source=test:", "--fps=fast"], "key 'fps': wanted a number"), ([], "key 'source' is missing"),
                             (["--source"], "--source wants a value"), (["test:"], "wanted --OPTION=VALUE, found 'test:'"),
                             (["--source=test:", "--name=a/b"], "key 'name': wanted at most 31"),
                             (["--source=test:", "--log=x"], "one of info|error")):
        done = subprocess.run([camera, *arguments], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and words in done.stderr, done.stderr
