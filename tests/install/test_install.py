# SPDX-License-Identifier: Apache-2.0
"""What `meson install` puts in place is enough to build and run a program outside the tree, in C and C++, shared and static."""
# limit: 120 s
import json
import os
import re
import shutil
import subprocess

import pytest

BUILD, SOURCE = os.environ["ZOETROPE_BUILD"], os.environ["ZOETROPE_SOURCE"]
EXPORTED_MAX = 40
COMPILERS = {"c": [["gcc", "-std=c11"], ["clang", "-std=c11"]], "c++": [["g++", "-std=c++17"], ["clang++", "-std=c++17"]]}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
PROGRAM = r"""
#include <zoetrope.h>
#include <cstdio>
#include <cstring>

int main()
{
	zoe_domain *domain;
	zoe_publisher *publisher;
	zoe_subscriber *subscriber;
	zoe_frame frame;

	if (zoe_domain_open(nullptr, &domain) < 0 || zoe_publisher_open(domain, "front", nullptr, &publisher) < 0 ||
	    zoe_subscriber_open(domain, "front", nullptr, &subscriber) < 0 ||
	    zoe_publish_bytes(publisher, "hello", 6, nullptr) < 0 || zoe_take_next(subscriber, 0, &frame) < 0) {
		std::fprintf(stderr, "%s\n", zoe_error());
		return 1;
	}
	bool good = frame.size == 6 && !std::strcmp(static_cast<const char *>(frame.data), "hello");
	zoe_release(subscriber, &frame);
	zoe_subscriber_close(subscriber);
	zoe_publisher_close(publisher);
	zoe_domain_close(domain);
	std::printf("%s %s\n", good ? "hello" : "wrong", zoe_version());
}
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


class Installed:
    """The library in a folder of its own, as a package would hold it."""

    def __init__(self, folder):
        self.root = str(folder)
        run("meson", "install", "--no-rebuild", "--quiet", "-C", BUILD, "--destdir", self.root)
        with open(os.path.join(BUILD, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as stream:
            options = {option["name"]: option["value"] for option in json.load(stream)}
        self.prefix = self.root + options["prefix"]
        self.lib = os.path.join(self.prefix, options["libdir"])
        self.include = os.path.join(self.prefix, options["includedir"])
        self.shared = os.path.join(self.lib, "libzoetrope.so")
        # the folder stands for the root of a system: nothing of the tree's may be found
        self.environment = {**os.environ, "PKG_CONFIG_LIBDIR": os.path.join(self.lib, "pkgconfig"),
                            "PKG_CONFIG_SYSROOT_DIR": self.root, "LD_LIBRARY_PATH": self.lib}

    def flags(self, *arguments):
        return run("pkg-config", *arguments, "zoetrope", env=self.environment).split()


@pytest.fixture(name="installed")
def fixture_installed(tmp_path):
    return Installed(tmp_path / "root")


def build_example(installed, name, compiler, static):
    """Copy the example out of the tree and build it there with what pkg-config says."""
    folder = os.path.join(installed.root, "outside")
    os.makedirs(folder, exist_ok=True)
    source = shutil.copy(os.path.join(SOURCE, "examples", name + ".c"), folder)
    program = os.path.join(folder, name)
    libs = installed.flags("--libs")
    if static:
        libs = [os.path.join(installed.lib, "libzoetrope.a") if flag == "-lzoetrope" else flag for flag in libs]
    run(compiler, "-std=gnu11", *STRICT, source, "-o", program, *installed.flags("--cflags"), *libs, cwd=folder)
    needed = run("readelf", "-d", program)
    assert ("libzoetrope.so.0" in needed) != static
    return program


def check_examples(installed, compiler, static):
    """One publishes, the other prints 5 frames."""
    publish, subscribe = (build_example(installed, name, compiler, static) for name in ("publish", "subscribe"))
    with subprocess.Popen([publish, "front", "60"], env=installed.environment) as publisher:
        try:
            while not os.path.isdir(os.path.join(os.environ["ZOETROPE_DOMAIN"], "front")):
                assert publisher.poll() is None
            text = run(subscribe, "front", "5", env=installed.environment)
            assert len(re.findall(r"^frame \d+: 640x480 GREY, first byte \d+, lost 0$", text, re.M)) == 5, text
        finally:
            publisher.wait(timeout=30)  # it removes the topic
    assert publisher.returncode == 0


def test_example_shared(installed):
    check_examples(installed, "gcc", static=False)


def test_example_static(installed):
    check_examples(installed, "clang", static=True)


def test_cpp_program(installed):
    source = os.path.join(installed.root, "hello.cpp")
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(PROGRAM)
    for compiler in COMPILERS["c++"]:
        program = source + ".out"
        run(*compiler, *STRICT, source, "-o", program, *installed.flags("--cflags", "--libs"))
        assert run(program, env=installed.environment).split() == ["hello", installed.flags("--modversion")[0]]


def test_detector_engine(installed):
    """The example, built with the installed header alone, finds a white square in a black picture."""
    folder = os.path.join(installed.root, "outside")
    os.makedirs(folder)
    shutil.copy(os.path.join(SOURCE, "examples", "detector.c"), folder)
    for compiler in (["gcc", "-std=c11"], ["clang", "-std=c11"]):
        run(*compiler, *STRICT, "-shared", "-fPIC", *installed.flags("--cflags"), "detector.c", "-o", "zoetrope-detector-bright.so",
            cwd=folder)
    with open("square.grey", "wb") as file:
        file.write(bytes(255 if 16 <= x < 24 and 32 <= y < 40 else 0 for y in range(64) for x in range(64)))
    os.environ["ZOETROPE_DETECTOR_PATH"] = folder
    publish = [f"{BUILD}/tests/publish_pictures", "front", "GREY", "64", "64", "0", "20", "square.grey"]
    detect = [f"{BUILD}/roles/zoetrope-detector", "--name", "spot", "--engine", "bright", "--cameras", "front", "--options", "cells=8"]
    with subprocess.Popen(publish, stdin=subprocess.PIPE) as camera, subprocess.Popen(detect) as detector:
        try:
            result = json.loads(run(f"{BUILD}/tests/print_detections", "front/detections", "1", "30"))
        finally:
            detector.terminate()
            camera.stdin.close()
    (box,) = result["boxes"]
    assert box["label"] == "Bright" and box["score"] == 1 and box["box"] == [16 / 64, 32 / 64, 8 / 64, 8 / 64]


def test_headers_compile_alone(installed):
    headers = sorted(os.listdir(installed.include))
    assert "zoetrope.h" in headers and all(name.startswith("zoetrope") for name in headers)
    for header in headers:
        for language, compilers in COMPILERS.items():
            for compiler in compilers:
                run(*compiler, *STRICT, "-x", language, "-fsyntax-only", os.path.join(installed.include, header))


def test_exported_symbols(installed):
    with open(os.path.join(SOURCE, "lib", "zoetrope.map"), encoding="utf-8") as stream:
        listed = set(re.findall(r"^\s+(zoe_\w+);", stream.read(), re.M))
    with open(os.path.join(installed.include, "zoetrope.h"), encoding="utf-8") as stream:
        text = re.sub(r"/\*.*?\*/", "", stream.read(), flags=re.S)
    declared = set(re.findall(r"^[a-z][\w\s*]*?\b(zoe_\w+)\(", text, re.M))
    dynamic = run("nm", "-D", "--defined-only", "--with-symbol-versions", installed.shared).split("\n")
    exported = {line.split()[-1].split("@")[0] for line in dynamic if line.split() and line.split()[1] == "T"}
    print(f"measured: {len(exported)} exported functions")
    assert exported == listed == declared
    assert len(exported) < EXPORTED_MAX


def test_shared_object(installed):
    """Its name says which programs it serves, and it needs libc alone."""
    dynamic = run("readelf", "-d", installed.shared)
    assert re.search(r"\(SONAME\).*\[libzoetrope\.so\.0\]", dynamic)
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert needed <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}, needed
    assert os.readlink(os.path.join(installed.lib, "libzoetrope.so")) == "libzoetrope.so.0"
    assert os.path.realpath(installed.shared).endswith("libzoetrope.so." + installed.flags("--modversion")[0])


def test_only_what_is_meant(installed):
    """No header, object or test of the inside."""
    files = [os.path.relpath(os.path.join(folder, name), installed.prefix)
             for folder, _, names in os.walk(installed.prefix) for name in names]
    assert not [name for name in files if re.search(r"zi_|layout\.h|test_|check", os.path.basename(name))], files
    assert [name for name in files if name.endswith("zoetrope.pc")]
