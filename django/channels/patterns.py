"""Choosing channels by patterns."""

from fnmatch import fnmatchcase

from . import names


def choose(channels, include=(), exclude=()):
    """
    Return those of ``channels``, a list of names, that match a pattern of
    ``include``, by default all, and none of ``exclude``. The patterns are
    those of ``fnmatch``, and may use the names of channels 0.1. Raise
    ValueError for a pattern that matches none of them, which is a mistake as
    a rule, and where none is left.
    """
    chosen = set(_matching(channels, include)) if include else set(channels)
    chosen -= _matching(channels, exclude)
    if not chosen:
        raise ValueError(f"No channel is left to receive from. {_listed(channels)}")
    return [name for name in channels if name in chosen]


def _matching(channels, patterns):
    found = set()
    for pattern in patterns:
        matching = {name for name in channels if _matches(name, pattern)}
        if not matching:
            raise ValueError(
                f"No channel that has a consumer matches {pattern!r}. "
                f"{_listed(channels)}"
            )
        found |= matching
    return found


def _matches(name, pattern):
    old_names = [old for old, today in names.ALIASES.items() if today == name]
    return any(fnmatchcase(each, pattern) for each in (name, *old_names))


def _listed(channels):
    if not channels:
        return "There are no consumers."
    return f"There are consumers for: {', '.join(sorted(channels))}."
