"""What was measured, and on what: names and versions, no paths and no hosts."""

import platform
import subprocess
from importlib.metadata import version

import psutil

from . import load
from .environment import HERE, ROOT


def describe(base, are_pinned):
    """Return the facts that a result can't be read without."""
    return {
        "base": base.name,
        "Django": base.version,
        "commit": commit(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "processor": processor(),
        "cores": psutil.cpu_count(),
        "memory GiB": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "pinned": are_pinned,
        "load average before": round(psutil.getloadavg()[0], 2),
    }


def processor():
    """Return the processor's model, as far as the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            models = [line.split(": ", 1)[1] for line in lines if "model name" in line]
    except OSError:
        models = []
    return models[0].strip() if models else platform.processor() or "unknown"


def commit():
    """Return the tree's commit; a star says that it holds changes."""
    command = ["git", "-C", ROOT, "describe", "--always", "--dirty=*"]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


def versions():
    """Return the versions of what requirements.txt names, and of wrk."""
    lines = (HERE / "requirements.txt").read_text().splitlines()
    # A name may be pinned more than once, for different interpreters.
    names = dict.fromkeys(line.split("==")[0] for line in lines if "==" in line)
    return {**{name: version(name) for name in names}, "wrk": load.version()}
