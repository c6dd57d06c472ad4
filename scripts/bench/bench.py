"""Measures the rows asked for and prints the table. Called by run.sh, which says what there is to say."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from clients import Clients
from processes import keep_off_the_client
from rows import measure, median, rows


def main():
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        table = rows(Clients(arguments.plimsoll, arguments.bare, folder), 1 if arguments.quick else 2)
        if arguments.list:
            print("\n".join(f"{row.name:16} {row.title}" for row in table))
            return
        names = {row.name for row in table}
        wanted = arguments.only.split(",") if arguments.only else names
        if unknown := set(wanted) - names:
            sys.exit(f"no row {', '.join(sorted(unknown))}: --list names them")
        runs = arguments.runs or (3 if arguments.quick else 5)
        keep_off_the_client()
        lines = Measuring(runs).rows(row for row in table if row.name in wanted)
    progress("")
    print(f"{machine()}\n{runs} runs each, in turn: median [least to most].\n")
    print("Host: the share of both cores that the hypervisor gave to others meanwhile. A core that is taken away is late with whatever was due.\n")
    print("| measure | Plimsoll | compared with | ratio | goal | met | others | host |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))


class Measuring:
    """Measures rows, and what the host takes meanwhile."""

    # A row that was measured with the one before takes no time of its own: fewer ticks than this.
    SHARED = 200

    def __init__(self, runs):
        self.runs = runs
        self.taken = 0.0

    def rows(self, table):
        return [self.row(row) for row in table]

    def row(self, row):
        before = ticks()
        figures = measure(row, self.runs, progress)
        total, stolen = (after - earlier for after, earlier in zip(ticks(), before, strict=True))
        if total >= self.SHARED:
            self.taken = stolen / total
        taken = "" if row.name == "binary" else f"{self.taken:.0%}"
        return f"{line(row, figures)} {taken} |"


def ticks():
    """Of all cores since the machine started: all, and those that the hypervisor gave to others."""
    with open("/proc/stat") as file:
        times = [int(time) for time in next(file).split()[1:9]]
    return sum(times), times[7]


def parse():
    parser = argparse.ArgumentParser(prog="run.sh")
    parser.add_argument("--plimsoll", type=Path, required=True)
    parser.add_argument("--bare", type=Path, required=True)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.runs is not None and arguments.runs < 1:
        parser.error("--runs must be at least 1")
    return arguments


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def line(row, figures):
    """A row of the table."""
    ours, *others = row.clients
    cells = {name: cell(figures[name], row.unit) for name in row.clients}
    floor = others[0] if others else None
    ratio, met = None, ""
    if floor and isinstance(figures[floor], list) and isinstance(figures[ours], list):
        ratio = median([mine / base for mine, base in zip(figures[ours], figures[floor], strict=True)] if all(figures[floor]) else [0])
    if isinstance(figures[ours], list) and row.goal is not None:
        reached = ratio if row.ratio else median(figures[ours])
        if reached is not None:
            # A goal below zero is one to be exceeded.
            met = "yes" if (reached >= -row.goal if row.goal < 0 else reached <= row.goal) else "**no**"
    goal = "" if row.goal is None else f"{'>=' if row.goal < 0 else '<='} {abs(row.goal)} {'x' if row.ratio else row.unit}"
    title = f"{row.title} ({row.note})" if row.note else row.title
    compared = f"{floor} {cells[floor]}" if floor else ""
    rest = "; ".join(f"{name} {cells[name]}" for name in others[1:])
    shown = f"{ratio:.2f}" if ratio else ""
    return f"| {title} | {cells[ours]} | {compared} | {shown} | {goal} | {met} | {rest} |"


def cell(figures, unit):
    if isinstance(figures, str):
        return figures
    values = [f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}" for value in (median(figures), min(figures), max(figures))]
    spread = f" [{values[1]} to {values[2]}]" if len(figures) > 1 and values[1] != values[2] else ""
    return f"{values[0]} {unit}{spread}"


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((row.split(":")[1].strip() for row in file if row.startswith("model name")), platform.machine())
    with open("/proc/meminfo") as file:
        memory = int(next(file).split()[1]) / 1e6
    virtual = subprocess.run(["systemd-detect-virt"], capture_output=True, text=True).stdout.strip() if on_path() else ""
    today = datetime.datetime.now(datetime.UTC).date()
    kind = f", virtual ({virtual})" if virtual not in ("", "none") else ""
    return f"{today}: {model}, {os.cpu_count()} cores{kind}, {memory:.0f} GB, Linux {platform.release()}; server on core 0, client on core 1."


def on_path():
    return any(os.access(os.path.join(folder, "systemd-detect-virt"), os.X_OK) for folder in os.environ["PATH"].split(":"))


main()
