"""Servers that take turns under load."""

from contextlib import ExitStack

SECONDS = 1


def take_turns(size, servers, start, measure, comparison, progress):
    """
    Start all servers anew in each round, and have them take turns of a second,
    so that a machine whose speed changes meets all alike. The others wait
    meanwhile; each turn another one begins.

    ``start(server, stack)`` returns what ``measure()`` takes and returns a
    sample of, once it's warm; what it enters on the stack lasts for the round.
    """
    for number in range(size.http_rounds):
        with ExitStack() as stack:
            rows = [(server.name, start(server, stack)) for server in servers]
            for turn in range(size.http_seconds):
                for name, running in rotated(rows, turn):
                    step = f"{name}, round {number + 1}, turn {turn + 1}"
                    progress.step(step, is_line=turn == 0)
                    comparison.add(name, measure(running))


def steps(size, servers):
    """Return how many turns there are."""
    return size.http_rounds * size.http_seconds * len(servers)


def described(size):
    return f"{size.http_rounds} rounds of {size.http_seconds} turns of {SECONDS} s each"


def rotated(items, number):
    at = number % len(items)
    return items[at:] + items[:at]
