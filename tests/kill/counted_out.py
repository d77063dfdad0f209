# SPDX-License-Identifier: Apache-2.0
"""Instructions that no scenario can come to: function ("*" = all), a part of "file:line: source line", the reason."""

COUNTED_OUT = [
]
