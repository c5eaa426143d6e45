# SPDX-License-Identifier: GPL-2.0
"""The rooms of module/, as their README.md files tell. Used by scripts/includes
and scripts/pictures.

A room is a folder of module/; what lies in module/ itself is "main" (main.c) or
"all": the headers that every room may use, and what belongs to them. A README
opens with "# NAME: JOB" and has a paragraph that begins "May include: ": rooms
(`vm/`: each of its headers) and single headers (`mmu/epoch.h`, `reject.h`).
module/README.md has such a paragraph for "main" and one for "all".
"""

import collections
import os
import re

# name, what it does, which rooms and headers it may include; all as in its README
Room = collections.namedtuple("Room", "name job may")

# From the top down; a picture draws them so, and a table lists them so.
ORDER = ["main", "ioctl", "insight", "vcpu", "access", "vm", "io", "slots", "vmx", "insn",
         "mmu", "all"]
# Longest README, in lines.
LIMIT = 15

_SPAN = re.compile(r"`([^`]+)`")


class Broken(Exception):
    """A README that does not say what it should."""


def room_of(name):
    """The room of a file, named as seen from module/."""
    folder = os.path.dirname(name)
    if folder:
        return folder.split(os.sep)[0]
    return "main" if name == "main.c" else "all"


def _paragraph(text, head, path):
    """What a paragraph names between backticks; it begins with @head."""
    match = re.search(rf"^{re.escape(head)}(.*?)(?:\n\s*\n|\Z)", text, re.M | re.S)
    if not match:
        raise Broken(f"{path}: expected a paragraph '{head}'")
    return _SPAN.findall(match[1])


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        raise Broken(f"{path}: there is none, and each room has one") from None
    if len(text.splitlines()) > LIMIT:
        raise Broken(f"{path}: {len(text.splitlines())} lines, expected at most {LIMIT}")
    return text


def rooms(module, shown="module"):
    """{name: Room}; the folder is called @shown in complaints."""
    found = {}
    path = os.path.join(shown, "README.md")
    text = _read(os.path.join(module, "README.md"))
    found["main"] = Room("main", "load and unload, parameters",
                         _paragraph(text, "`main.c` may include: ", path))
    found["all"] = Room("all", "headers for every room",
                        _paragraph(text, "Headers for all may include: ", path))
    for name in sorted(os.listdir(module)):
        if not os.path.isdir(os.path.join(module, name)):
            continue
        path = os.path.join(shown, name, "README.md")
        text = _read(os.path.join(module, name, "README.md"))
        title = re.search(rf"^# {name}/: (.+)$", text, re.M)
        if not title:
            raise Broken(f"{path}: expected a title '# {name}/: JOB'")
        found[name] = Room(name, title[1], _paragraph(text, "May include: ", path))
    return found


def ordered(found):
    """The rooms from the top down."""
    return [found[name] for name in ORDER if name in found] + \
           [room for name, room in sorted(found.items()) if name not in ORDER]


def may(room, target):
    """May a file of the room include that header of another room?"""
    return target in room.may or os.path.dirname(target) + "/" in room.may


def circle(found):
    """Rooms that may include each other round and round, or None."""
    below = {name: {room_of(span + "x" if span.endswith("/") else span) for span in room.may}
             - {name} for name, room in found.items()}

    def descend(name, path):
        if name in path:
            return path[path.index(name):] + [name]
        for other in sorted(below.get(name, ())):
            hit = descend(other, path + [name])
            if hit:
                return hit
        return None

    for name in found:
        hit = descend(name, [])
        if hit:
            return hit
    return None
