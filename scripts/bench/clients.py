"""How each client is asked for the same load. All have one thread that sends and reads."""

import fcntl
import json
import math
import os
import pty
import shutil
import struct
import tempfile
import termios
import threading
from pathlib import Path

from processes import load

POST_BODY = {"model": "sim", "prompt": "hello there", "max_tokens": 1}
CHAT_BODY = {
    "model": "sim",
    "messages": [{"role": "user", "content": "hello there"}],
    "max_tokens": 128,
    "stream": True,
}


class Clients:
    """Ours, the floor, and the peers that are here. Each method gives a `Loaded`."""

    def __init__(self, plimsoll, bare, folder):
        self.plimsoll, self.bare, self.folder = plimsoll, bare, Path(folder)

    def ours(self, server, seconds, *load_options, threads=1, **how):
        runs = tempfile.mkdtemp(dir=self.folder)
        argv = [
            self.plimsoll, "run", "-H", server.url, "--provider", "vllm", "-m", "sim", "-t", f"{seconds}s", "-r", "100000",
            "--threads", threads, "--no-report", "--json", "--watch", "off", "--out", runs, *load_options,
        ]  # fmt: skip
        if "terminal" not in how:
            argv.append("--no-progress")
        loaded = load(server, argv, seconds, **how)
        loaded.summary = json.loads(loaded.output)
        shutil.rmtree(runs)
        return loaded

    def ours_sse(self, server, seconds, streams, *more, **how):
        return self.ours(server, seconds, "-u", streams, "-p", "8", "-o", "128", "-s", "5", *more, **how)

    def ours_in_a_terminal(self, server, seconds, streams):
        """With the view that fills a terminal, which nobody looks at."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        reader = threading.Thread(target=drain, args=(ours,), daemon=True)
        reader.start()
        try:
            return self.ours_sse(server, seconds, streams, "--view", "full", terminal=theirs)
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)

    def ours_post(self, server, seconds, connections):
        return self.ours(server, seconds, "-u", connections, "-p", "8", "-o", "1", "--no-stream", "--no-chat")

    def ours_open(self, server, seconds, rate, spin, watched=False):
        options = ["--qps", rate, "-u", "1000", "-p", "8", "-o", "1", "--no-stream", "--no-chat"]
        return self.ours(server, seconds, *options, *(["--spin"] if spin else []), watched=watched)

    def bare_run(self, server, seconds, mode, **options):
        pairs = [f"{key}={value}" for key, value in options.items()]
        argv = [self.bare, mode, server.address, f"seconds={seconds}", *pairs]
        loaded = load(server, argv, seconds, watched=mode != "open")
        loaded.summary = json.loads(loaded.output)
        return loaded

    def wrk(self, server, seconds, connections):
        script = self.folder / "post.lua"
        script.write_text(
            "wrk.method = 'POST'\nwrk.headers['content-type'] = 'application/json'\n"
            f"wrk.body = [[{json.dumps(POST_BODY)}]]\n"
        )
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{math.ceil(seconds)}s", "-s", script, f"{server.url}/v1/completions"]
        return load(server, argv, seconds)

    def oha(self, server, seconds, connections):
        argv = ["oha", "--no-tui", "-z", f"{seconds}s", "-c", connections, "-m", "POST", "-T", "application/json"]
        return load(server, [*argv, "-d", json.dumps(POST_BODY), f"{server.url}/v1/completions"], seconds)

    def perf_analyzer(self, server, seconds, path, body, *load_options):
        """It wants windows that agree and ends when it likes: it is ended when it has been measured."""
        data = self.folder / "payload.json"
        data.write_text(json.dumps({"data": [{"payload": [body]}]}))
        argv = [
            "perf_analyzer", "-m", "sim", "--service-kind", "openai", "--endpoint", path, "-u", server.address, "--input-data",
            data, "--async", "--max-threads", "1", "--measurement-interval", int(seconds * 1000), "--max-trials", "10",
            "--stability-percentage", "999", *load_options,
        ]  # fmt: skip
        return load(server, argv, seconds, end=True)

    def perf_analyzer_sse(self, server, seconds, streams):
        return self.perf_analyzer(server, seconds, "v1/chat/completions", CHAT_BODY, "--concurrency-range", streams)

    def perf_analyzer_post(self, server, seconds, connections):
        return self.perf_analyzer(server, seconds, "v1/completions", POST_BODY, "--concurrency-range", connections)

    def perf_analyzer_open(self, server, seconds, rate):
        options = ["--request-rate-range", rate, "--request-distribution", "constant"]
        return self.perf_analyzer(server, seconds, "v1/completions", POST_BODY, *options)


def drain(terminal):
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        pass  # the other end is closed


def missing(peer):
    return shutil.which(peer) is None
