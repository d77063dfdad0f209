# SPDX-License-Identifier: Apache-2.0
"""Instructions that no scenario can come to: function, a part of "file:line: source line", the reason."""

COUNTED_OUT = [
    ("zi_fail", ": {", "saves floating-point registers if a caller passes such numbers; no sentence has one"),
    ("zi_open_failed", ": {", "the same"),
    ("zi_shape_find", "while (g && g->shape.generation != number)", "the way for a topic without a generation; a handle has one"),
    ("zi_shape_find", ": }", "the end of that way"),
    ("zi_topic_current", ": }", "the way for a topic with a bad name, which was refused when it was opened"),
    ("zi_shape_go_over", "if (status == 0 && renameat2(", "as compiled for an openat that failed with errno 0"),
    ("zi_shape_go_over", "zi_shape_forget_half_made(topic, publisher);", "the same"),
    ("zi_slot_claim", "while (good == 0 && left > 0)", "the loop as compiled for no looks or no slots wanted; callers ask for some"),
    ("zi_slot_claim", "unsigned held = pinned(", "the same"),
    ("zi_slot_claim", "if (g->shape.keeps == 0)", "the same, of kept(), inlined there"),
]
