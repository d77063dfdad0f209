# SPDX-License-Identifier: Apache-2.0
"""Wait for a condition, with a deadline. The one place in the tests that sleeps: between two looks."""
import time


def wait_for(condition, seconds, what):
    """Call condition() until it gives something true, and return that; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds} s for {what}; the last look gave {value!r}")
        time.sleep(0.01)


def promised(what, seconds, limit):
    """Print a measured time, and assert that it stays below five times the promise."""
    print(f"measured: {what}: {seconds:.3f} s, promised {limit} s")
    assert seconds < 5 * limit, f"{what} took {seconds:.3f} s, promised were {limit} s"
