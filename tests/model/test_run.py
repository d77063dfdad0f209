# SPDX-License-Identifier: Apache-2.0
"""model/run itself: a model that fails, or cannot be run, or proves nothing, is noticed. Small models made for it."""
import os
import shutil
import subprocess

SOURCE = os.environ["ZOETROPE_SOURCE"]
LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
BEGIN = '#define DROP\n#define SUBS 1\n#include "words.pml"\nbyte x;\n'
GOOD = LICENCE + "/*\n * run: check DEATHS=1\n */\n" + BEGIN + """
active proctype one()
{
	STEP(x = 1);
	STEP(ALWAYS(torn, x == 1))
dead:
	skip
}
"""
WRONG = GOOD.replace("x == 1)", "x == 2)")
BROKEN = LICENCE + "/* expect: torn */\n#define DEATHS 0\n" + WRONG.replace(" * run: check DEATHS=1\n", "").replace(
    '"words.pml"', '"../words.pml"')


def run(models, *arguments, environment=()):
    """What model/run says of these models, and its exit status."""
    shutil.rmtree("model", ignore_errors=True)
    os.makedirs("model/broken")
    for name in ("run", "words.pml"):
        shutil.copy(os.path.join(SOURCE, "model", name), "model")
    for path, text in models.items():
        with open(f"model/{path}", "w", encoding="utf-8") as stream:
            stream.write(text)
    done = subprocess.run(["/usr/bin/python3", "model/run", *arguments], text=True, capture_output=True,
                          env={**os.environ, "ZOETROPE_SOAK": "0", **dict(environment)})
    print(done.stdout, done.stderr)
    return done.returncode, done.stdout


def test_good_models():
    status, said = run({"good.pml": GOOD, "broken/wrong.pml": BROKEN})
    assert status == 0 and said.endswith("2 passed, 0 failed\n")


def test_model_that_fails():
    status, said = run({"good.pml": GOOD, "wrong.pml": WRONG})
    assert status == 1 and "torn is violated" in said and said.endswith("1 passed, 1 failed\n")


def test_mistake_that_is_not_found():
    status, said = run({"broken/wrong.pml": BROKEN.replace("x == 2", "x == 1")})
    assert status == 1 and "expected a failure by torn, found none" in said


def test_mistake_found_by_another_assertion():
    status, said = run({"broken/wrong.pml": BROKEN.replace("expect: torn", "expect: slept")})
    assert status == 1 and "expected a failure by slept, found torn" in said


def test_mistake_in_the_syntax():
    status, said = run({"broken/wrong.pml": BROKEN.replace("proctype", "proctipe")})
    assert status == 1 and "FAIL broken/wrong" in said and "spin: " in said
    status, said = run({"good.pml": GOOD.replace("byte x;", "byte x; c_code { nonsense }")})
    assert status == 1 and "FAIL good" in said and "gcc: " in said


def test_statement_that_is_not_reached():
    unreached = GOOD.replace("	STEP(x = 1);", "	STEP(x = 1);\n	if :: x == 2 -> x = 3 :: else fi;")
    status, said = run({"good.pml": unreached})
    assert status == 1 and "is reached in no run" in said


def test_search_that_ends_too_soon():
    counting = "	do :: n < 30000 -> n++ :: else -> n = 0; break od;\n"
    deep = GOOD.replace("byte x;", "byte x; short n;").replace("	STEP(x = 1);", 8 * counting + "	STEP(x = 1);")
    status, said = run({"good.pml": deep})
    assert status == 1 and "not all states were searched" in said


def test_nothing_to_run():
    assert run({})[0] == 1
    status, said = run({"good.pml": GOOD}, "bad")
    assert status == 1 and "there is no model bad" in said


def test_without_spin():
    os.makedirs("bin", exist_ok=True)
    for tool in ("gcc", "as", "ld"):
        os.symlink(shutil.which(tool), f"bin/{tool}")
    status, said = run({"good.pml": GOOD}, environment={"PATH": os.path.abspath("bin")})
    assert status == 1 and "needs spin" in said
