# SPDX-License-Identifier: Apache-2.0
"""Would tests/kill find a mistake? Each of these is planted into a copy of one file of the library, and must be found.

The other objects are those of the build folder; the program kill takes the library that is first in LD_LIBRARY_PATH.
"""
# limit: 120 s
# alone
import json
import os
import re
import shlex
import subprocess
import time

BUILD = os.environ["ZOETROPE_BUILD"]
SOURCE = os.environ["ZOETROPE_SOURCE"]
OBJECTS = "lib/libzoetrope.so.0.1.0.p"

# what is mistaken: file, what stands there, what is put in its place, scenario that finds it (* by stops alone), what is then said
PLANTED = {
    "published before it is in the ring": (
        "ring.c", "set_state(a, ZI_PENDING, a->publisher, head); /* P4", "set_state(a, ZI_PUBLISHED, 0, head); /* P4",
        "publish*", "others go on"),
    "kept after it is published": (
        "loan.c",
        """	atomic_store(&g->index->publishers[pub->record].keeps[kept - pub->kept], held->slot + 1ull);
	status = publish_slot(pub, g, held->slot, loan, &seq);
""",
        """	status = publish_slot(pub, g, held->slot, loan, &seq);
	atomic_store(&g->index->publishers[pub->record].keeps[kept - pub->kept], held->slot + 1ull);
""",
        "publish_keep*", "overwritten|TORN"),
    "no second look after the pin": (
        "take.c", "status = atomic_load(at) != word ? -EOVERFLOW", "status = slot == ZI_SLOT_CLOSED ? -EOVERFLOW",
        "take_next*", "damaged|TORN"),
    "repair wakes nobody who sleeps": (
        "repair.c", "	zi_wake(&g->index->head);                                        /* R4: always all */", "",
        "publish_cleaned", "nobody woke the waiter"),
    "repair wakes nobody who polls": (
        "repair.c", "	wake_pollers(topic);\n", "	(void)wake_pollers;\n",
        "publish_cleaned", "descriptor did not become readable"),
    "no quarantine": (
        "slot.c", "return g->shape.quarantine_ms ?", "return g->shape.quarantine_ms > 100000 ?",
        "loan_at_risk", "quarantined"),
    "pins of the dead stay": (
        "repair.c", "atomic_store(&mine->pins[i], 0); /* R3: pins */", "(void)mine;",
        "repair_pin", r"pinned \(not"),
}


def build_library(folder, file, old, new):
    """A library of the build's objects, but for one file, in which `old` is replaced by `new`."""
    with open(os.path.join(SOURCE, "lib", file), encoding="utf-8") as stream:
        text = stream.read()
    assert text.count(old) == 1, f"{file} has {text.count(old)} places where to plant; one is wanted: {old}"
    planted = os.path.join(folder, file)
    with open(planted, "w", encoding="utf-8") as stream:
        stream.write(text.replace(old, new))
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as stream:
        command = next(entry["command"] for entry in json.load(stream) if entry["output"] == f"{OBJECTS}/{file}.o")
    words = shlex.split(command)
    compiler = words[:next(i for i, word in enumerate(words) if word.startswith("-I"))]
    options = [word for word in words if word.startswith(("-D", "-std", "-O", "-g", "-f"))]
    target = os.path.join(folder, "planted.o")
    subprocess.run([*compiler, *options, "-I", os.path.join(SOURCE, "include"), "-I", os.path.join(SOURCE, "lib"), "-I", SOURCE,
                    "-c", planted, "-o", target], check=True)
    objects = [os.path.join(BUILD, OBJECTS, name) for name in sorted(os.listdir(os.path.join(BUILD, OBJECTS)))
               if name.endswith(".o") and name != f"{file}.o"]
    subprocess.run([*compiler, "-shared", "-Wl,-soname,libzoetrope.so.0", "-o", os.path.join(folder, "libzoetrope.so.0"),
                    f"-Wl,--version-script={SOURCE}/lib/zoetrope.map", *objects, target], check=True)


def run(folder, scenario):
    domain = os.environ["ZOETROPE_DOMAIN"] + "-planted"
    environment = {**os.environ, "KILL_FAILURES": "1", "KILL_PATIENCE_MS": "1000", "LD_LIBRARY_PATH": os.path.abspath(folder)}
    if scenario.endswith("*"):
        environment["KILL_STOPS"] = "1"
    done = subprocess.run([os.path.join(BUILD, "tests", "kill"), domain, os.path.join(folder, "reached"), scenario.rstrip("*")],
                          capture_output=True, text=True, env=environment)
    if os.path.isdir(domain):
        subprocess.run(["rm", "-rf", domain], check=True)
    return done


def test_mistakes_are_found():
    begin = time.monotonic()
    missed = []
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # processes that take turns do so faster on one core
    for number, (mistake, (file, old, new, scenario, said)) in enumerate(PLANTED.items()):
        folder = f"planted-{number}"
        os.mkdir(folder)
        build_library(folder, file, old, new)
        done = run(folder, scenario)
        found = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        print(f"{mistake}: {found[0] if found else done.stdout + done.stderr}")
        if done.returncode != 1 or not found or not re.search(said, found[0]):
            missed.append(mistake)
    print(f"measured: {len(PLANTED)} planted mistakes found in {time.monotonic() - begin:.1f} s")
    assert not missed, f"not found, or not by what it does: {'; '.join(missed)}"
