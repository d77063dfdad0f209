# SPDX-License-Identifier: Apache-2.0
"""What `zoetrope run` says about a configuration that it cannot use: one line with file, line, key and what is nearest."""
import os
import re

from support.zoetrope import DOMAIN, program

CAMERA = "cameras: {front: {source: 'test:'}}\n"


def sentence(text, *words, name="c.yaml"):
    """The one line that is said about this file. Nothing was started: there is no domain's file."""
    with open(name, "wb") as stream:
        stream.write(text if isinstance(text, bytes) else text.encode())
    return run_file(name, *words)


def run_file(name, *words):
    done = program("run", name)
    print(done.stderr)
    assert done.returncode == 1 and not done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("zoetrope: "), lines
    for word in words:
        assert word in lines[0], f"wanted {word!r} in {lines[0]!r}"
    assert not os.path.exists(DOMAIN) or not os.listdir(DOMAIN)
    return lines[0]


def test_unknown_keys():
    sentence("cameras:\n  front:\n    source: 'test:'\n    fsp: 25\n", "c.yaml:4: key 'cameras.front.fsp' is not known", "'fps'?")
    sentence(CAMERA + "detectors:\n  objects:\n    cameras: [front]\n\n    treshold: 0.5\n",
             "c.yaml:6: key 'detectors.objects.treshold'", "'threshold'?")
    sentence(CAMERA + "preview: {lissen: '127.0.0.1:1'}\n", "c.yaml:2: key 'preview.lissen'", "'listen'?")
    sentence(CAMERA + "save: {foldr: x}\n", "key 'save.foldr'", "'folder'?")
    assert "did you mean" not in sentence(CAMERA + "xyzzy: {}\n", "c.yaml:2: key 'xyzzy' is not known")
    sentence("cameras: {front: {source: 'test:', cpu: '1'}}\n", "key 'cameras.front.cpu'", "'cpus'?")


def test_unknown_section():
    sentence(CAMERA + "\npreveiw: {}\n", "c.yaml:3: key 'preveiw' is not known", "'preview'?")
    sentence("camera: {front: {source: 'test:'}}\n", "c.yaml:1: key 'camera'", "'cameras'?")


def test_keys_that_only_control_sets():
    """The cameras of preview and save are a matter of the command line, not of the file."""
    assert "did you mean" not in sentence(CAMERA + "preview: {cameras: [front]}\n", "key 'preview.cameras' is not known")
    sentence(CAMERA + "save: {cameras: [front]}\n", "key 'save.cameras' is not known")


def test_wrong_values():
    for value, key, wanted in [
            ("fps: 25 Hz", "fps", "a number from 0 to 1000 (frames per second), found '25 Hz'"),
            ("fps: fast", "fps", "found 'fast'"), ("fps: -1", "fps", "found '-1'"), ("fps: .nan", "fps", "found '.nan'"),
            ("width: 640px", "width", "a whole number from 0 to 16384 (pixels), found '640px'"),
            ("width: 1.5", "width", "found '1.5'"), ("width: 20000", "width", "found '20000'"),
            ("loop: 2", "loop", "true or false, found '2'"), ("loop:", "loop", "true or false"),
            ("cpus: x", "cpus", "CPU numbers, such as 1, 0-3 or 0,2, or big or little, found 'x'"), ("nice: 20", "nice", "from -20 to 19"),
            ("fps: [25]", "fps", "one value, found a list"), ("fps: {a: 1}", "fps", "one value, found keys")]:
        sentence(f"cameras:\n  front:\n    source: 'test:'\n    {value}\n", f"c.yaml:4: key 'cameras.front.{key}': wanted ", wanted)


def test_wrong_types():
    sentence("- cameras\n", "c.yaml:1: wanted keys", "found a list")
    sentence("just text\n", "c.yaml:1: wanted keys", "found text")
    sentence("cameras: [front]\n", "c.yaml:1: key 'cameras': wanted keys, found a list")
    sentence("cameras:\n  front: 'test:'\n", "c.yaml:2: key 'cameras.front': wanted keys, found 'test:'")
    sentence(CAMERA + "preview: 8090\n", "c.yaml:2: key 'preview': wanted keys, found '8090'")
    sentence("cameras: {front: {source: 'test:'}}\ndetectors: {d: {cameras: front}}\n",
             "key 'detectors.d.cameras': wanted a list such as [a, b], found 'front'")
    sentence(CAMERA + "detectors: {d: {cameras: [[front]]}}\n", "item 1 is a list")
    sentence(CAMERA + "? [a, b]\n: c\n", "c.yaml:2: wanted a key")


def test_missing():
    sentence("cameras:\n  front: {fps: 5}\n", "c.yaml:2: key 'cameras.front.source' is missing")
    sentence("cameras:\n  front:\n", "c.yaml:2: key 'cameras.front.source' is missing")
    sentence(CAMERA + "detectors: {d: {threshold: 0.5}}\n", "c.yaml:2: key 'detectors.d.cameras' is missing")
    sentence("preview: {}\n", "there is no camera")
    sentence("cameras:\n", "there is no camera")


def test_too_many_detectors():
    of = ", ".join("d%d: {engine: motion, cameras: [front]}" % i for i in range(17))
    sentence("cameras: {front: {source: 'test:'}}\ndetectors: {%s}\n" % of, "c.yaml:1: camera 'front' has 17 detectors, at most 16")


def test_unknown_camera():
    line = sentence("cameras: {front: {source: 'test:'}, yard: {source: 'test:'}}\ndetectors:\n  d: {cameras: [frnt]}\n",
                    "c.yaml:3: key 'detectors.d.cameras': there is no camera 'frnt'", "'front'?")
    assert "yard" not in line
    sentence(CAMERA + "detectors: {d: {cameras: [front, front]}}\n", "'front' stands there twice")


def test_names():
    sentence("cameras:\n  'a/b': {source: 'test:'}\n", "c.yaml:2: key 'cameras.a/b': wanted a name")
    sentence("cameras:\n  all: {source: 'test:'}\n", "c.yaml:2: key 'cameras.all'")
    sentence("cameras:\n  ? ''\n  : {source: 'test:'}\n", "wanted a name")
    sentence("cameras:\n  %s: {source: 'test:'}\n" % ("x" * 32), "wanted a name")


def test_duplicate_keys():
    sentence("cameras:\n  front: {source: 'test:'}\n  front: {source: 'test:'}\n",
             "c.yaml:3: key 'front' stands there twice; the first one is in line 2")
    sentence(CAMERA + CAMERA, "c.yaml:2: key 'cameras' stands there twice")
    sentence("cameras: {front: {source: 'test:', fps: 5, fps: 6}}\n", "key 'fps' stands there twice")


def test_not_yaml():
    sentence("", "is empty")
    sentence("# only a comment\n\n", "is empty")
    sentence("cameras: {front: {source: x\n", "is not YAML")
    sentence("cameras:\n\tfront: 1\n", "c.yaml:2: is not YAML")
    sentence("a: b: c\n", "c.yaml:1: is not YAML")
    sentence("cameras: {front: {source: test:}}\n", "put a value that ends with a colon in quotes")
    sentence(b"\x80\x81\x00binary", "is not YAML")
    sentence(b"\x00" * 100, "is not YAML")
    sentence("a: *nowhere\n", "is not YAML")
    sentence(CAMERA + "---\n" + CAMERA, "c.yaml:3: a second document")
    sentence(b"x" * (1024 * 1024 + 1), "has more than 1048576 bytes")


def test_cycles_and_aliases():
    """An alias may point at what contains it; reading ends all the same."""
    sentence("cameras: &a\n  front: *a\n", "key 'cameras.front.front'")
    sentence("&r cameras: &c {front: {source: *c}}\n", "wanted one value, found keys")


def test_files():
    os.mkdir("folder")
    run_file("folder", "folder: is a folder")
    run_file("missing.yaml", "missing.yaml: cannot be read: No such file or directory")
    sentence("fps: 1\n", "x y.yaml:1: key 'fps'", name="x y.yaml")


def test_control_characters_do_not_reach_the_terminal():
    line = sentence('"a\\e[31m\\nb": 1\n', "is not known")
    assert not re.search(r"[\x00-\x1f\x7f]", line)


def test_unset_environment():
    """${NAME} stays as it is until the role reads it, and the sentence comes from there."""
    with open("c.yaml", "w", encoding="utf-8") as stream:
        stream.write("cameras: {front: {source: '${ZT_NOT_SET}'}}\n")
    done = program("run", "c.yaml")
    print(done.stderr)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "camera front: environment variable ZT_NOT_SET is not set" in done.stderr


def test_cpu_that_does_not_exist():
    with open("c.yaml", "w", encoding="utf-8") as stream:
        stream.write("cameras: {front: {source: 'test:', cpus: '900'}}\n")
    done = program("run", "c.yaml")
    print(done.stderr)
    there = sorted(os.sched_getaffinity(0))
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "camera front: key 'cpus': wanted CPU 900, but this process can have only " in done.stderr
    assert str(there[0]) in done.stderr.rsplit("only", 1)[1] and str(there[-1]) in done.stderr.rsplit("only", 1)[1]
