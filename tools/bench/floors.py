# SPDX-License-Identifier: GPL-2.0
"""The floor of each row: the least that its operation takes of what the floor.* rows measure.

A row's floor is a sum of exits, entries written, calls and the guest's own loop,
each at the best figure of all devices, with nothing around them. It is no
forecast: a module that maps neighbours too needs less than an exit a page.
"""

import re

# Pages and leaf tables of the benchmark's 64 MiB, entries of a table.
PAGES, TABLES, ENTRIES = 16384, 32, 512

# "floor.X" each so often. exit: answered in the module; exit_user: by the client.
_EXIT_PER_PAGE = {"exit": 1, "entry": 1, "touch": 1}
_CHANGE = {"ioctl": 1}
_CHANGE_AND_ENTRY = {"ioctl": 1, "entry": 1}
_RULES = (
    (r"floor\.", {}),
    (r"fault\.sequence$", _EXIT_PER_PAGE),
    (r"fault\.stride_2m$", {"exit": 1, "entry": 2, "touch": 1}),
    (r"fault\.(thp|hugetlb)$", {"exit": 1 / ENTRIES, "entry": 1 / ENTRIES, "touch": 1}),
    (r"mmio\.(write|read)$", {"exit_user": 1}),
    (r"mmio\.after_", {"exit_user": 2, "entry": 1}),
    (r"grow\..*\.mmio$", {"exit_user": 2}),
    (r"(slot|scene|grow\..*)\.create$", _CHANGE),
    (r"(slot|scene|grow\..*)\.(move|delete)$", _CHANGE_AND_ENTRY),
    (r"slot\.after_delete$|scene\.page$", {"touch": 1}),
    (r"slot\.delete_large$", {"ioctl": 1 / PAGES, "entry": TABLES / PAGES}),
    (r"dirty\.enable$", {"ioctl": 1, "entry": TABLES}),
    (r"dirty\.first_write$", _EXIT_PER_PAGE),
    (r"dirty\.disable$", _CHANGE),
)
_ROUND = re.compile(r"dirty\.round_(?:scattered|clustered)_(\d+)$")


def _parts(name):
    """How often each floor row goes into a row; None: it has no floor."""
    match = _ROUND.match(name)
    if match:
        # Each page is protected by one entry written, and traps once.
        pages = int(match[1])
        return {"ioctl": 1, "exit": pages, "entry": 2 * pages, "touch": pages}
    for pattern, parts in _RULES:
        if re.match(pattern, name):
            return parts
    return None


def floor_of(name, floors):
    """The floor of a row in ticks, from {"exit": ticks, ...}; None where there is none."""
    parts = _parts(name)
    if not parts or any(part not in floors for part in parts):
        return None
    return sum(times * floors[part] for part, times in parts.items())
