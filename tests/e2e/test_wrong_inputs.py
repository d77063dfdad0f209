# SPDX-License-Identifier: Apache-2.0
"""Wrong inputs to `zoetrope run`: each gives one clear sentence that names what was found, and a non-zero exit."""
import json
import os
import socket
import subprocess

from support.http import free_port
from support.zoetrope import DOMAIN, PROGRAM, SOURCE, Zoetrope, cached, domain_entries, without_privileges

PATTERN = {"cameras": {"front": {"source": "test:"}}}


def refused(config, *words, environment=(), wrap=lambda command: command):
    """`zoetrope run` with this config ends by itself, not with 0, and says one sentence that has all the words."""
    text = config if isinstance(config, str) else json.dumps(config)
    with open("wrong.yaml", "w", encoding="utf-8") as stream:
        stream.write(text)
    done = subprocess.run(wrap([PROGRAM, "run", "wrong.yaml"]), capture_output=True, text=True, timeout=30,
                          env={**os.environ, **dict(environment)})
    print(done.stderr)
    assert done.returncode not in (0, None) and done.returncode > 0, f"exit status {done.returncode}"
    saying = [line for line in done.stderr.splitlines() if all(word in line for word in words)]
    assert saying, f"no line has all of {words}"
    assert len(saying) == 1, f"said {len(saying)} times"
    assert "Segmentation" not in done.stderr and "Assertion" not in done.stderr
    assert not domain_entries(), domain_entries()
    return saying[0]


def description_beside(model):
    """A model is two files; the second says what the first wants and gives."""
    with open(model.replace(".onnx", ".yaml"), "w", encoding="utf-8") as stream:
        stream.write("{width: 300, height: 300, head: ssd, labels: [Person, Car], licence: none, source: this test}\n")


def with_model(model):
    return {**PATTERN, "detectors": {"objects": {"engine": "opencv", "model": model, "cameras": ["front"]}}}


def test_missing_file():
    refused({"cameras": {"front": {"source": "file:nowhere.mp4"}}}, "front", "nowhere.mp4")


def test_no_video():
    refused({"cameras": {"front": {"source": "file:" + os.path.join(SOURCE, "LICENSE")}}}, "front", "LICENSE")


def test_unknown_key():
    refused("cameras:\n  front:\n    source: 'test:'\n    fsp: 25\n", "wrong.yaml:4", "fsp", "fps")


def test_unknown_section():
    refused("cameras: {front: {source: 'test:'}}\npreveiw: {}\n", "wrong.yaml:2", "preveiw", "preview")


def test_wrong_unit():
    refused("cameras:\n  front:\n    source: 'test:'\n    fps: 25 km\n", "wrong.yaml:4", "fps", "25 km")


def test_out_of_range():
    refused({**PATTERN, "detectors": {"objects": {"engine": "opencv", "cameras": ["front"], "threshold": 35}}}, "threshold", "35")


def test_unknown_camera():
    refused({**PATTERN, "detectors": {"objects": {"engine": "opencv", "cameras": ["frnot"]}}}, "frnot", "front")


def test_no_yaml():
    refused("cameras: {front: [", "wrong.yaml:")


def test_no_config():
    done = subprocess.run([PROGRAM, "run", "nowhere.yaml"], capture_output=True, text=True, timeout=10)
    assert done.returncode > 0 and "nowhere.yaml" in done.stderr and len(done.stderr.splitlines()) == 1


def test_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused({**PATTERN, "preview": {"listen": f"127.0.0.1:{port}"}}, str(port), "another program listens")


def test_no_token_off_loopback():
    refused({**PATTERN, "preview": {"listen": f"0.0.0.0:{free_port()}"}}, "token")


def test_engine_missing():
    refused({**PATTERN, "detectors": {"objects": {"engine": "nosuch", "cameras": ["front"]}}}, "nosuch")


def test_model_missing():
    os.mkdir("models")
    refused(with_model("ssd-mobilenet-v2"), "ssd-mobilenet-v2", "zoetrope model fetch",
            environment={"ZOETROPE_MODELS": os.path.abspath("models")})


def test_model_of_wrong_shape():
    import numpy
    from onnx import TensorProto, helper, numpy_helper
    weights = numpy_helper.from_array(numpy.ones((4, 3, 3, 3), numpy.float32), "weights")
    node = helper.make_node("Conv", ["image", "weights"], ["out"])
    graph = helper.make_graph([node], "wrong", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])],
                              [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 30, 30])], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)])
    model.ir_version = 6
    with open("shape.onnx", "wb") as stream:
        stream.write(model.SerializeToString())
    description_beside("shape.onnx")
    refused(with_model(os.path.abspath("shape.onnx")), "shape.onnx")


def test_model_is_no_model():
    with open("text.onnx", "w", encoding="utf-8") as stream:
        stream.write("these are only words")
    description_beside("text.onnx")
    refused(with_model(os.path.abspath("text.onnx")), "text.onnx")


def test_no_permission_for_the_file():
    with open(cached("vtest.avi"), "rb") as source, open("secret.avi", "wb") as copy:
        copy.write(source.read(1 << 16))
    os.chmod("secret.avi", 0)
    refused({"cameras": {"front": {"source": "file:secret.avi"}}}, "secret.avi", "ermission", wrap=without_privileges)


def test_no_permission_for_the_domain():
    os.chmod(DOMAIN, 0o555)
    refused(PATTERN, DOMAIN, "ermission", wrap=without_privileges)


def test_second_run():
    with Zoetrope(PATTERN) as zoe:
        done = subprocess.run([PROGRAM, "run", zoe.write_config()], capture_output=True, text=True, timeout=20)
        print(done.stderr)
        assert done.returncode > 0 and str(zoe.process.pid) in done.stderr
        assert zoe.state()["processes"]["camera front"]["restarts"] == 0
