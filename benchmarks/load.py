"""The load generator: wrk, and what it counts."""

import json
import resource
import shutil
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 32
# Seconds that wrk may take longer than asked before it counts as hung.
GRACE_SECONDS = 30


class LoadFailed(Exception):
    """Raised when wrk could not measure."""


class Wrk:
    """Keep-alive connections that each send a request after the other."""

    def __init__(self, cores, connections=CONNECTIONS):
        self.cores, self.connections = cores, connections

    def run(self, url, seconds):
        """
        Load the URL and return {requests, seconds, errors, p50_ms, p99_ms,
        load}: the last is what it used of its core, in percent.
        """
        command = ["wrk", "--threads", 1, "--connections", self.connections]
        command += ["--duration", f"{seconds}s", "--timeout", f"{GRACE_SECONDS}s"]
        command += ["--script", SCRIPT, url]
        before = cpu_seconds()
        run = subprocess.run(
            self.cores.pin(command, self.cores.load),
            capture_output=True,
            text=True,
            timeout=seconds + GRACE_SECONDS,
        )
        if run.returncode:
            raise LoadFailed(f"wrk: {run.stderr.strip() or run.stdout.strip()}")
        counts = parse(run.stdout)
        if not counts["requests"] and seconds < GRACE_SECONDS:
            # A machine that does much else hasn't come to answering.
            return self.run(url, 2 * seconds)
        used = cpu_seconds() - before
        return {**counts, "load": 100 * used / counts["seconds"]}


def cpu_seconds():
    """Return what this process's children have used that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def parse(output):
    """Return what the script's last line counts."""
    return json.loads(output.strip().splitlines()[-1])


def good_answers(counts):
    """Return how many answers were good; a run without any can't be compared."""
    good = counts["requests"] - counts["errors"]
    if good <= 0:
        raise LoadFailed(f"wrk got no good answer, it counts {counts}.")
    return good


def version():
    """Return wrk's version, as its first line has it: ``wrk 4.1.0 [epoll] …``."""
    if not shutil.which("wrk"):
        return "none"
    output = subprocess.run(["wrk", "--version"], capture_output=True, text=True)
    words = (output.stdout or output.stderr).split()
    return words[1] if len(words) > 1 else "unknown"
