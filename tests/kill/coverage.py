# SPDX-License-Identifier: Apache-2.0
"""Which instructions of libzoetrope the kills reached: by function, out of all that the disassembly shows.

Counted are the functions that the operations below can come to, by calls, jumps and addresses taken. Padding is not.
"""
import re
import subprocess

OPERATIONS = """zoe_loan zoe_publish zoe_publish_keep zoe_publish_bytes zoe_unkeep zoe_discard zoe_take_next zoe_take_latest
    zoe_release zoe_subscriber_fd zoe_publisher_open zoe_publisher_close zoe_publisher_trim zoe_publisher_prefault
    zoe_subscriber_open zoe_subscriber_close zoe_domain_clean""".split()
PADDING = re.compile(r"^(cs |data16 )*nop|^xchg +%ax,%ax$|^data16 ")
HEAD = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(.*)$")


class Function:
    def __init__(self):
        self.instructions = {}  # offset -> text
        self.lines = {}  # offset -> source line
        self.calls = set()


def read_functions(library):
    """All functions of .text by name; a part that the compiler moved away belongs to its function."""
    shown = subprocess.run(["objdump", "-d", "-l", "--no-show-raw-insn", "-j", ".text", library], check=True,
                           capture_output=True, text=True).stdout
    functions, function, line = {}, None, ""
    for text in shown.splitlines():
        head = HEAD.match(text)
        found = INSTRUCTION.match(text)
        if head:
            function = functions.setdefault(re.sub(r"\.(cold|part|isra|constprop).*", "", head[2]), Function())
        elif found and function:
            offset, code = int(found[1], 16), found[2].split("#")[0].strip()
            if not PADDING.match(code):
                function.instructions[offset] = code
                function.lines[offset] = line
            function.calls |= {re.split(r"[+@.]", name)[0] for name in re.findall(r"<([^>]+)>", found[2])}
        elif ":" in text and text.startswith("/"):
            line = re.sub(r" \(discriminator.*", "", text.split("/lib/")[-1])
    return functions


def reachable(functions):
    found, waiting = set(), [name for name in OPERATIONS if name in functions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in functions[name].calls if other in functions]
    return sorted(found)


class Coverage:
    def __init__(self, library, source):
        self.functions = read_functions(library)
        self.names = reachable(self.functions)
        self.source = source
        self.reached = {}
        self.stale = []

    def add(self, path):
        """Read what the program kill wrote: offset, number of kills, which failures of a call were tried there."""
        with open(path, encoding="utf-8") as stream:
            for line in stream:
                offset, kills, _ = line.split()
                if int(kills):
                    self.reached[int(offset, 16)] = self.reached.get(int(offset, 16), 0) + int(kills)

    def text_of(self, offset, function):
        file, _, number = function.lines[offset].rpartition(":")
        try:
            with open(f"{self.source}/lib/{file}", encoding="utf-8") as stream:
                return stream.read().splitlines()[int(number) - 1].strip()
        except (OSError, ValueError, IndexError):
            return ""

    def rows(self, counted_out):
        """(name, kills, tried, total, left out, {source line: number of instructions missed}) of each function.

        counted_out: (function, part of "file:line: source line", reason). Entries that leave nothing out are noted in stale.
        """
        used = set()
        for name in self.names:
            function = self.functions[name]
            missed, out = {}, 0
            for offset in function.instructions:
                if offset in self.reached:
                    continue
                where = f"{function.lines[offset]}: {self.text_of(offset, function)}"
                matching = {entry for entry in counted_out if entry[0] == name and entry[1] in where}
                used |= matching
                if matching:
                    out += 1
                else:
                    missed[where] = missed.get(where, 0) + 1
            total = len(function.instructions)
            tried = total - out - sum(missed.values())
            kills = sum(self.reached.get(offset, 0) for offset in function.instructions)
            yield name, kills, tried, total, out, missed
        self.stale = [entry for entry in counted_out if entry not in used]
