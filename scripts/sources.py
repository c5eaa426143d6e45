# SPDX-License-Identifier: GPL-2.0
"""Reads the module's sources in kernel style: a function's body begins and ends
with a brace in the first column. Used by scripts/abi and scripts/pictures.
"""

import collections
import re

# What stands before a function's body, and the body.
Function = collections.namedtuple("Function", "head body")

_COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)


def stripped(text):
    """The text with comments and string literals blanked out, lines kept."""
    return _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def read(path):
    """A source file, stripped."""
    with open(path, encoding="utf-8") as file:
        return stripped(file.read())


def functions(text):
    """{name: Function} of those that a stripped source defines."""
    found, lines, at = {}, text.split("\n"), 0
    while at < len(lines):
        if lines[at] != "{":
            at += 1
            continue
        end = lines.index("}", at)
        head = at
        while head and lines[head - 1].strip() and \
                not re.search(r"[;}]\s*$|^\s*#", lines[head - 1]):
            head -= 1
        declared = " ".join(lines[head:at])
        match = re.search(r"(\w+)\s*\(", declared)
        if match:
            found[match[1]] = Function(declared, "\n".join(lines[at + 1:end]))
        at = end
    return found


def macros(text):
    """{name: body} of the macros with arguments that a stripped source defines."""
    found = re.findall(r"^#define\s+(\w+)\(((?:[^\n]*\\\n)*[^\n]*)", text, re.M)
    return dict(found)


def pointers(text):
    """(field, function) of each function in an initializer: .field = function,"""
    return re.findall(r"\.(\w+)\s*=\s*(\w+)\s*,", text)


def calls(body, name):
    """Does the body call that function, or through a pointer of that name?"""
    return re.search(rf"\b{name}\s*\(", body) is not None


def cases(body, pattern):
    """Labels of the switches in a body that match."""
    return re.findall(rf"\bcase\s+({pattern})\s*:", body)
