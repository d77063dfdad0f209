# SPDX-License-Identifier: Apache-2.0
"""What tests share: the runner's parts (cases, warden), and helpers for tests (zoetrope, wait)."""
from support.wait import wait_for  # noqa: F401
