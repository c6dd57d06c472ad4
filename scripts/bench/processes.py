"""Servers and clients as processes: started, pinned, and watched while they are loaded."""

import fcntl
import http.client
import json
import os
import subprocess
import tempfile
import termios
import time
from pathlib import Path

SERVER_CORE, CLIENT_CORE = 0, 1


def pinned(core, argv):
    return ["taskset", "-c", str(core), *map(str, argv)]


class Server:
    """`plimsoll sim` on a free port."""

    def __init__(self, plimsoll, options):
        self.truth = tempfile.NamedTemporaryFile(prefix="truth-", suffix=".csv") if "TRUTH" in options else None
        if self.truth:
            options = options.replace("TRUTH", f"truth_file={self.truth.name}")
        argv = pinned(SERVER_CORE, [plimsoll, "sim", options, "--port", "0"])
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        self.address = self.url.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.address, timeout=30)

    def stats(self):
        self.connection.request("GET", "/__stats")
        return json.loads(self.connection.getresponse().read())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.send_signal(2)
        self.process.wait()
        self.process.stdout.close()

    def arrivals(self):
        """When requests arrived, by their number, CLOCK_MONOTONIC in ns: the first token was due at once. The server has ended."""
        with open(self.truth.name) as file:
            next(file)
            rows = (line.split(",") for line in file)
            arrived = {int(row[0]): int(row[3]) for row in rows if row[1] == "0"}
        return [arrived[number] for number in sorted(arrived)]


def cpu_by_thread(pid):
    """Nanoseconds of processor time by (id, name) of thread."""
    used = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            used[task.name, name] = int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass  # it has just ended
    return used


def peak_memory(pid):
    """The most memory that was resident so far, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    if not lines:
        raise RuntimeError("the client ended while it was measured")
    return int(lines[0].split()[1]) / 1000


class Loaded:
    """What a client used and did in the middle of its load; `stats` are the server's of all of it."""

    def __init__(self, cpu, before, after, memory):
        self.memory, self.stats, self.output = memory, after, ""
        self.events = after["events"] - before["events"]
        self.requests = after["completed"] - before["completed"]
        self.cpu = cpu  # seconds by name of thread
        self.cpu_total = sum(cpu.values())

    def us_per_event(self):
        return self.cpu_total / max(self.events, 1) * 1e6

    def us_per_request(self):
        return self.cpu_total / max(self.requests, 1) * 1e6


def load(server, argv, seconds, cores=str(CLIENT_CORE), end=False, watched=True, terminal=None):
    """Runs a client for about so many seconds; figures are of the middle: from a quarter of them to four fifths. `end` ends a
    client that does not end by itself in time; with `watched` false only the server's account is of interest. `terminal` is
    what stdin and stderr are connected to."""
    argv = pinned(cores, argv)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        client = subprocess.Popen(
            argv,
            stdin=terminal or subprocess.DEVNULL,
            stdout=output,
            stderr=terminal or errors,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
            preexec_fn=(lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)) if terminal else None,
        )
        try:
            loaded = watch(server, client, errors, seconds, watched)
            if end:
                client.terminate()
            client.wait(timeout=60)
        finally:
            if client.poll() is None:
                client.kill()
                client.wait()
        output.seek(0)
        errors.seek(0)
        if not end and client.returncode not in (0, 3):
            raise RuntimeError(f"exit code {client.returncode}: {errors.read()[-2000:]}")
        loaded.output = output.read()
        loaded.stats = server.stats()
        return loaded


def watch(server, client, errors, seconds, watched):
    wait_for_load(server, client, errors)
    if not watched:
        time.sleep(seconds)
        return Loaded({}, server.stats(), server.stats(), None)
    time.sleep(seconds * 0.25)
    before, used = server.stats(), cpu_by_thread(client.pid)
    time.sleep(seconds * 0.55)
    memory = peak_memory(client.pid)
    after, using = server.stats(), cpu_by_thread(client.pid)
    cpu = {}
    for (thread, name), nanos in using.items():
        cpu[name] = cpu.get(name, 0) + (nanos - used.get((thread, name), 0)) / 1e9
    return Loaded(cpu, before, after, memory)


def wait_for_load(server, client, errors):
    for _ in range(2000):
        stats = server.stats()
        if stats["requests"] > 0:
            return
        if client.poll() is not None:
            errors.seek(0)
            raise RuntimeError(f"the client sent nothing: {errors.read()[-2000:]}")
        time.sleep(0.01)
    raise RuntimeError("the client sent nothing for 20 s")


def keep_off_the_client():
    """This process watches from the server's core; returns the cores that there are."""
    cores = sorted(os.sched_getaffinity(0))
    if not {SERVER_CORE, CLIENT_CORE} <= set(cores):
        raise SystemExit(f"the cores {SERVER_CORE} and {CLIENT_CORE} are needed; this process may use {cores}")
    os.sched_setaffinity(0, {SERVER_CORE})
    return cores
