"""The rows of the table: what is measured, by whom, and how good it has to be."""

import itertools
import os
import statistics
import time

from clients import missing
from processes import Server

NO_DELAY = "ttft=0s&itl=0s&slots=20000"
# Faster than any server can write: it falls behind, and writes one event of each stream in turn, so that the client is woken
# for each. Without a gap it would write a whole answer at once.
IN_TURN = "ttft=1ms&itl=100us&slots=20000"
GRID = "ttft=50ms&itl=10ms&slots=20000"


class Row:
    """One row. `clients` maps names to functions that measure once and give a figure; the first is ours, the second what
    it is compared with. The goal is about the ratio of these two, or, without `ratio`, about our figure."""

    def __init__(self, name, title, unit, clients, goal, ratio, note=""):
        self.name, self.title, self.unit, self.clients = name, title, unit, clients
        self.goal, self.ratio, self.note = goal, ratio, note


def rows(clients, seconds):
    """All rows; `seconds` is how long each client is loaded."""
    return [
        *sse_rows(clients, seconds),
        *post_rows(clients, seconds),
        *accuracy_rows(clients, seconds),
        *open_rows(clients, seconds),
        *own_rows(clients, seconds),
    ]


def sse_rows(clients, seconds):
    def row(streams, per_write, goal, floor_only):
        def measure(run):
            with Server(clients.plimsoll, f"{IN_TURN}&events_per_write={per_write}") as server:
                return run(server).us_per_event()

        def floor():
            return measure(lambda server: clients.bare_run(server, seconds, "sse", connections=streams))

        def ours():
            return measure(lambda server: clients.ours_sse(server, seconds, streams))

        def perf_analyzer():
            return measure(lambda server: clients.perf_analyzer_sse(server, seconds, streams))

        runs = {"plimsoll": ours, "bare": floor, "perf_analyzer": perf_analyzer}
        title = f"SSE, {streams} streams, {per_write} event{'s' * (per_write > 1)} per write: CPU per event"
        return Row(f"sse{streams}x{per_write}", title, "us", runs, goal, floor_only)

    def paced():
        def measure(run):
            with Server(clients.plimsoll, GRID) as server:
                return run(server).us_per_event()

        runs = {
            "plimsoll": lambda: measure(lambda server: clients.ours_sse(server, seconds, 200)),
            "bare": lambda: measure(lambda server: clients.bare_run(server, seconds, "sse", connections=200)),
            "perf_analyzer": lambda: measure(lambda server: clients.perf_analyzer_sse(server, seconds, 200)),
        }
        return Row("paced200", "paced, 200 streams x 10 ms: CPU per event", "us", runs, 1.3, True)

    return [row(64, 1, 1.15, True), row(256, 1, 1.15, True), row(64, 16, 0.7, False), row(256, 16, 0.7, False), paced()]


def post_rows(clients, seconds):
    def measure(run):
        with Server(clients.plimsoll, NO_DELAY) as server:
            return run(server).us_per_request()

    runs = {
        "plimsoll": lambda: measure(lambda server: clients.ours_post(server, seconds, 64)),
        "wrk": lambda: measure(lambda server: clients.wrk(server, seconds, 64)),
        "bare": lambda: measure(lambda server: clients.bare_run(server, seconds, "post", connections=64)),
        "oha": lambda: measure(lambda server: clients.oha(server, seconds, 64)),
        "perf_analyzer": lambda: measure(lambda server: clients.perf_analyzer_post(server, seconds, 64)),
    }
    return [Row("post64", "small JSON POST, 64 connections: CPU per request", "us", runs, 1.2, True)]


class Shared:
    """A measurement from which several rows take a figure: each of its runs is made once."""

    def __init__(self, make):
        self.make, self.kept = make, []

    def figure(self, function):
        taken = itertools.count()

        def measure():
            run = next(taken)
            if run == len(self.kept):
                self.kept.append(self.make())
            return function(self.kept[run])

        return measure


def accuracy_rows(clients, seconds):
    seconds = max(seconds, 3)

    def ours(streams):
        with Server(clients.plimsoll, GRID) as server:
            return clients.ours_sse(server, seconds, streams)

    def bare(streams):
        with Server(clients.plimsoll, GRID) as server:
            return clients.bare_run(server, seconds, "sse", connections=streams, times="true")

    def gap_of_ours(loaded):
        return percentile(loaded.summary["metrics"]["chunk_gap"], 99) - loaded.stats["itl_ms"]["p99"]

    def gap_of_bare(loaded):
        return loaded.summary["gap_p99_ms"] - loaded.stats["itl_ms"]["p99"]

    made = []
    for streams in (50, 200, 1000):
        mine = Shared(lambda streams=streams: ours(streams))
        floor = Shared(lambda streams=streams: bare(streams))
        runs = {
            "plimsoll": mine.figure(lambda loaded: percentile(loaded.summary["truth"]["first_token_error"], 99)),
            "bare": floor.figure(lambda loaded: loaded.summary["first_token_error_p99_ms"]),
        }
        made.append(Row(f"ttft{streams}", f"TTFT p99 error, {streams} lock-step streams", "ms", runs, 0.3, False))
    gap = {"plimsoll": mine.figure(gap_of_ours), "bare": floor.figure(gap_of_bare)}
    note = "reported p99 of the gap between chunks minus the server's"
    return [*made, Row("gap1000", "chunk-gap p99 error, 1000 streams", "ms", gap, 0.5, False, note)]


def percentile(distribution, p):
    """In milliseconds."""
    return next(entry["value"] for entry in distribution["percentiles"] if entry["p"] == p) * 1e3


def open_rows(clients, seconds):
    def arrivals(run):
        with Server(clients.plimsoll, f"{NO_DELAY}&TRUTH") as server:
            run(server)
        return server.arrivals()

    def measured(rate, spin_us):
        def bare(server):
            clients.bare_run(server, seconds, "open", connections=1000, rate=rate, spin_us=spin_us)

        runs = {
            "plimsoll": lambda server: clients.ours_open(server, seconds, rate, spin_us > 0),
            "bare": bare,
        }
        if not spin_us:
            runs["perf_analyzer"] = lambda server: clients.perf_analyzer_open(server, seconds, rate)
        return {name: Shared(lambda run=run: arrivals(run)) for name, run in runs.items()}

    made = []
    for rate in (1000, 5000):
        for spin_us, gap_goal, lag_goal in ((0, 150, 100), (200, 20, 20)):
            shared = measured(rate, spin_us)
            for kind, figure, goal in (("gap", gap_error, gap_goal), ("lag", lag, lag_goal)):
                runs = {name: run.figure(lambda got, figure=figure, rate=rate: figure(got, rate)) for name, run in shared.items()}
                words = "p99 error of the gap" if kind == "gap" else "p99 lag"
                title = f"open loop, {rate}/s: {words}{', spinning' if spin_us else ''}"
                made.append(Row(f"open{rate}{kind}{'spin' if spin_us else ''}", title, "us", runs, goal, False))
    return made


def settled(arrivals):
    """Without the beginning, in which connections are opened."""
    return arrivals[len(arrivals) // 4 :]


def gap_error(arrivals, rate):
    """Microseconds, as the server's kernel received the requests."""
    expected = 1e9 / rate
    errors = sorted(abs(b - a - expected) for a, b in itertools.pairwise(settled(arrivals)))
    return errors[len(errors) * 99 // 100] / 1e3


def lag(arrivals, rate):
    """How much later than on an even grid through the most punctual request, microseconds."""
    offsets = [at - number * 1e9 / rate for number, at in enumerate(settled(arrivals))]
    lags = sorted(offset - min(offsets) for offset in offsets)
    return lags[len(lags) * 99 // 100] / 1e3


def own_rows(clients, seconds):
    def start():
        with Server(clients.plimsoll, f"{NO_DELAY}&TRUTH") as server:
            began = time.monotonic_ns()
            clients.ours(server, 1, "-u", "1", "-p", "8", "-o", "1", "-s", "1")
        return (server.arrivals()[0] - began) / 1e6

    def start_of_bare():
        with Server(clients.plimsoll, f"{NO_DELAY}&TRUTH") as server:
            began = time.monotonic_ns()
            clients.bare_run(server, 1, "post", connections=1)
        return (server.arrivals()[0] - began) / 1e6

    def memory(streams):
        slow = f"ttft=50ms&itl={streams // 100}ms&slots=20000"
        tokens = 128 if streams <= 1000 else 30

        def ours():
            with Server(clients.plimsoll, slow) as server:
                return clients.ours(server, 3, "-u", streams, "-p", "8", "-o", tokens, "-s", "10").memory

        def bare():
            with Server(clients.plimsoll, slow) as server:
                return clients.bare_run(server, 3, "sse", connections=streams, tokens=tokens).memory

        return {"plimsoll": ours, "bare": bare}

    def cpu(threads, where):
        with Server(clients.plimsoll, "ttft=50ms&itl=10ms&slots=20000") as server:
            return clients.ours_sse(server, seconds, 200, threads=threads, cores=where).us_per_event()

    def scaling():
        """Two threads do this times what one does, if the cost of an event in processor time is all that limits them."""
        return 2 * cpu(1, "0,1") / cpu(2, "0,1")

    def part(names, run):
        """What some threads use beside the event path, in percent of it."""
        with Server(clients.plimsoll, GRID) as server:
            used = run(server).cpu
        path = sum(time for name, time in used.items() if name.startswith("plimsoll-io"))
        return 100 * sum(time for name, time in used.items() if name.startswith(names)) / path

    def recording(*options):
        # So few that the recorder, which runs on idle cores only, keeps up.
        return {"plimsoll": lambda: part("recorder", lambda server: clients.ours_sse(server, seconds, 50, *options))}

    posts = {"plimsoll": lambda: part("recorder", lambda server: clients.ours_open(server, seconds, 2000, False, True))}
    view = {"plimsoll": lambda: part("view", lambda server: clients.ours_in_a_terminal(server, seconds, 50))}

    size = os.path.getsize(clients.plimsoll) / 1e6
    return [
        Row("start", "start to first request", "ms", {"plimsoll": start, "bare": start_of_bare}, 30, False),
        Row("memory1000", "resident memory, 1,000 streams", "MB", memory(1000), 40, False),
        Row("memory10000", "resident memory, 10,000 streams", "MB", memory(10000), 250, False),
        Row("cores", "two threads instead of one: throughput", "x", {"plimsoll": scaling}, -1.8, False, SCALING),
        Row("binary", "binary", "MB", {"plimsoll": lambda: size}, 30, False),
        Row("recording", "recording 50 streams, in percent of the event path's CPU", "%", recording(), 15, False),
        Row("chunks", "the same, every chunk kept", "%", recording("--record-chunks"), 15, False),
        Row("posts", "recording 2,000 small requests/s, in percent of their CPU", "%", posts, None, False),
        Row("view", "the full view of 50 streams, in percent of the event path's CPU", "%", view, None, False),
    ]


SCALING = "twice the processor time per event of one thread over that of two: this machine has no third core for the server"


def measure(row, runs, progress):
    """The figures of each client, run by run in turn; a client that is not here or fails is a sentence instead."""
    figures = {name: "not here" if name in PEERS and missing(name) else [] for name in row.clients}
    compared = list(row.clients)[:2]
    for run in range(runs):
        for name, client in row.clients.items():
            if isinstance(figures[name], list) and (name in compared or run < PEER_RUNS):
                progress(f"{row.name}: {name}, run {run + 1} of {runs}")
                try:
                    figures[name].append(client())
                except (RuntimeError, KeyError, ValueError, OSError) as error:
                    figures[name] = f"failed: {str(error).strip().splitlines()[-1][:100]}"
    return figures


# Runs of the clients that are only shown.
PEER_RUNS = 3
PEERS = ("wrk", "oha", "perf_analyzer")


def median(values):
    return statistics.median(values)
