# SPDX-License-Identifier: Apache-2.0
"""tools/check-layout finds each kind of breach, in a small tree made for it."""
import os
import shutil
import subprocess

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */\n"
GOOD = {
    "README.md": "# A\n\n    ./demo\n",
    "include/zoetrope.h": LICENCE,
    "convert/convert.h": LICENCE,
    "roles/role.h": LICENCE,
    "lib/layout.h": LICENCE + "struct zi_a {\n\tuint64_t b;\n};\nZI_SIZE(zi_a, 8);\nZI_AT(zi_a, b, 0);\n",
}


def findings(changes):
    """What the script says of GOOD with some files changed."""
    shutil.rmtree("tree", ignore_errors=True)
    for path, text in {**GOOD, **changes}.items():
        os.makedirs(os.path.dirname(f"tree/{path}") or "tree", exist_ok=True)
        with open(f"tree/{path}", "w", encoding="utf-8") as stream:
            stream.write(text)
    os.makedirs("tree/tools", exist_ok=True)
    shutil.copy(os.path.join(os.environ["ZOETROPE_SOURCE"], "tools/check-layout"), "tree/tools")
    subprocess.run(["git", "init", "-q", "tree"], check=True)
    done = subprocess.run(["tree/tools/check-layout"], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    assert done.returncode == (0 if "as it should be" in done.stdout else 1)
    return done.stdout


def test_good_tree():
    assert "as it should be" in findings({})


def test_arrow():
    assert "convert/a.c:2: convert/ includes roles/role.h" in findings({"convert/a.c": LICENCE + '#include "roles/role.h"\n'})
    assert "as it should be" in findings({"roles/a.c": LICENCE + '#include "convert/convert.h"\n'})
    assert "only include/" in findings({"examples/a.c": LICENCE + '#include "convert/convert.h"\n'})
    assert "libc alone" in findings({"lib/a.c": LICENCE + "#include <uv.h>\n"})


def test_struct_without_assert():
    text = GOOD["lib/layout.h"].replace("\tuint64_t b;\n", "\tuint64_t b;\n\t_Atomic uint32_t c[4];\n")
    assert "offset of zi_a.c is not asserted" in findings({"lib/layout.h": text})


def test_atomic_member_elsewhere():
    assert "lib/layout.h" in findings({"lib/a.h": LICENCE + "struct b {\n\t_Atomic uint64_t c;\n};\n"})


def test_lengths():
    assert "601 lines" in findings({"lib/a.c": LICENCE + "\n" * 600})
    body = LICENCE + "int long_one(void)\n{\n" + "\twork();\n" * 79 + "}\n"
    assert "long_one() has 81 lines" in findings({"lib/a.c": body})


def test_words_and_licence():
    assert "without an issue number" in findings({"lib/a.c": LICENCE + "/* TO" + "DO: later */\n"})
    assert "as it should be" in findings({"lib/a.c": LICENCE + "/* TO" + "DO (#3): later */\n"})
    assert "no line SPDX" in findings({"lib/a.c": "int a;\n"})


def test_readme():
    assert "after line 15" in findings({"README.md": "words\n" * 15 + "    ./demo\n"})
