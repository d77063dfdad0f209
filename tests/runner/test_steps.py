# SPDX-License-Identifier: Apache-2.0
"""tools/check-steps finds each kind of difference between document, library and model, in a small tree made for it."""
import os
import shutil
import subprocess

TREE = {
    "docs/transport.md": "| step | what |\n| --- | --- |\n| L1 | look |\n| L2 | claim it |\n",
    "lib/slot.c": "int a; /* L1: state */\nint b; /* L2: claim */\n",
    "model/loan.pml": "skip /* L1: state */\nskip /* L2: claim, now */\n",
}


def findings(path=None, old="", new=""):
    """What the script says of TREE with one text changed."""
    shutil.rmtree("tree", ignore_errors=True)
    for name, text in TREE.items():
        if name == path:
            assert old in text
            text = text.replace(old, new)
        os.makedirs(os.path.dirname(f"tree/{name}"), exist_ok=True)
        with open(f"tree/{name}", "w", encoding="utf-8") as stream:
            stream.write(text)
    os.makedirs("tree/tools")
    shutil.copy(os.path.join(os.environ["ZOETROPE_SOURCE"], "tools/check-steps"), "tree/tools")
    done = subprocess.run(["tree/tools/check-steps"], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == (0 if "steps agree" in done.stdout else 1)
    return done.stdout


def test_that_agree():
    assert findings() == "2 steps agree\n"


def test_label_that_is_in_no_table():
    assert "lib/slot.c:2: step L9 is in no table" in findings("lib/slot.c", "L2: claim", "L9: claim")
    assert "model/loan.pml:1: step T9 is in no table" in findings("model/loan.pml", "L1: state", "L1: state, as T9")


def test_label_that_is_missing():
    assert "docs/transport.md:4: step L2 is named at no operation of lib/" in findings("lib/slot.c", "L2: claim", "claim")
    assert "docs/transport.md:4: step L2 is named at no operation of model/" in findings("model/loan.pml", "L2: claim", "claim")
    assert "lib/slot.c:2: step L2 is in no table" in findings("docs/transport.md", "| L2 | claim it |\n", "")


def test_mention_is_no_operation():
    assert "step L2 is named at no operation of lib/" in findings("lib/slot.c", "L2: claim", "what L2 is for")


def test_labels_that_are_swapped():
    said = findings("lib/slot.c", TREE["lib/slot.c"], "int a; /* L2: state */\nint b; /* L1: claim */\n")
    assert 'lib/slot.c:1: "state" is step L2 here and L1 at model/loan.pml:1' in said
    assert 'lib/slot.c:2: "claim" is step L1 here and L2 at model/loan.pml:2' in said


def test_words_that_differ():
    assert "lib and model share no words" in findings("lib/slot.c", "L2: claim", "L2: take hold")


def test_several_labels_at_one_operation():
    said = findings("lib/slot.c", "/* L2: claim */", "/* L1, L2: claim */")
    assert said == 'lib/slot.c:2: "claim" is step L1 here and L2 at model/loan.pml:2\n'


def test_step_that_is_not_modelled():
    assert "step L2 is named at no operation of model/" in findings("model/loan.pml", "L2: claim, now", "claim")
    TREE["docs/transport.md"] += "| L3 | wait (not modelled: the kernel's own) |\n"
    TREE["lib/slot.c"] += "int c; /* L3: wait */\n"
    assert findings() == "3 steps agree\n"
    assert "step L3 is modelled, and docs/transport.md:5 says that it is not" in findings("model/loan.pml", "L1", "L3")


def test_table_with_a_wrong_row():
    assert "docs/transport.md:4: step L1 has a row already" in findings("docs/transport.md", "| L2 |", "| L1 |")
    assert "docs/transport.md:4: this row of a table of steps names no" in findings("docs/transport.md", "| L2 |", "| then |")
    assert "no table of steps" in findings("docs/transport.md", "| step |", "| stage |")
