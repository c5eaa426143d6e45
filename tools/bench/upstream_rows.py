# SPDX-License-Identifier: GPL-2.0
"""Rows from what upstream's own performance tests print.

The tests tell seconds of the emulated machine's clock, in which a tick is
always as long; the rows are milliseconds.
"""

import re

_SECONDS = r"(\d+\.\d+)s"
# Per program: what a line says, and the row that it becomes a sample of.
_LINES = {
    "demand_paging_test": (
        (rf"Total guest execution time: {_SECONDS}", "demand_paging",
         "demand_paging_test, 16 MiB: guest execution"),
    ),
    "dirty_log_perf_test": (
        (rf"Populate memory time: {_SECONDS}", "dirty_log_perf.populate",
         "dirty_log_perf_test, 16 MiB: populate memory"),
        (rf"Enabling dirty logging time: {_SECONDS}", "dirty_log_perf.enable",
         "dirty_log_perf_test: enable"),
        (rf"Iteration \d+ dirty memory time: {_SECONDS}", "dirty_log_perf.dirty",
         "dirty_log_perf_test: dirty memory"),
        (rf"Iteration \d+ get dirty log time: {_SECONDS}", "dirty_log_perf.get",
         "dirty_log_perf_test: get dirty log"),
        (rf"Iteration \d+ clear dirty log time: {_SECONDS}", "dirty_log_perf.clear",
         "dirty_log_perf_test: clear dirty log"),
        (rf"Disabling dirty logging time: {_SECONDS}", "dirty_log_perf.disable",
         "dirty_log_perf_test: disable"),
    ),
    "kvm_page_table_test": (
        (rf"KVM_CREATE_MAPPINGS: total execution time: {_SECONDS}", "page_table.create",
         "kvm_page_table_test, 16 MiB: create mappings"),
        (rf"KVM_UPDATE_MAPPINGS: total execution time: {_SECONDS}", "page_table.update",
         "kvm_page_table_test: update mappings"),
        (rf"KVM_ADJUST_MAPPINGS: total execution time: {_SECONDS}", "page_table.adjust",
         "kvm_page_table_test: adjust mappings"),
    ),
}
# memslot_perf_test names its part before it gives the part's figure.
_MEMSLOT_PART = re.compile(r"Testing (.+) performance with")
_MEMSLOT_BEST = re.compile(rf"Best runtime result was {_SECONDS} per iteration")


def _samples(program, text):
    """(row, title, milliseconds) of each line that tells one."""
    part = None
    for line in text:
        for pattern, row, title in _LINES.get(program, ()):
            match = re.match(pattern, line)
            if match:
                yield row, title, 1000 * float(match[1])
        match = _MEMSLOT_PART.match(line)
        if match:
            part = match[1]
        match = _MEMSLOT_BEST.match(line)
        if match and part:
            row = re.sub(r"\W+", "_", part.lower()).strip("_")
            yield (f"memslot_perf.{row}", f"memslot_perf_test: {part}, an iteration",
                   1000 * float(match[1]))


def collect(outputs):
    """Rows, by name, from [(program, lines)] of one device."""
    samples, titles = {}, {}
    for program, text in outputs:
        for row, title, value in _samples(program, text):
            samples.setdefault(f"upstream.{row}", []).append(value)
            titles[f"upstream.{row}"] = title
    return {name: {"title": titles[name], "unit": "ms", "n": len(values),
                   "median": round(sorted(values)[len(values) // 2], 4),
                   "min": round(min(values), 4), "max": round(max(values), 4)}
            for name, values in samples.items()}
