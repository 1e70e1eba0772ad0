"""The methods for channels that test cases have."""

from collections import Counter
from contextlib import contextmanager

from django.channels.channel import name_of
from django.db import connections

from . import isolation, running

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True


class ChannelAssertions:
    """What was sent and what was consumed in this test; running and time."""

    def assertMessageSent(self, channel, /, **content):
        """
        Assert that a message was sent on the channel (a Channel or a name)
        whose content has at least these keys with these values. Return the
        first one.
        """
        return self._find_sent("channel", name_of(channel), content)

    def assertGroupSent(self, group, /, **content):
        """Assert the same of a message that was sent to a group."""
        return self._find_sent("group", getattr(group, "name", group), content)

    def assertNothingSent(self, channel=None):
        """
        Assert that no message was sent: on the channel or, without one, on any
        and to no group.
        """
        name = None if channel is None else name_of(channel)
        sent = [s for s in isolation.current.sent if name in (None, s.channel)]
        if sent:
            where = "" if name is None else f" on the channel {name!r}"
            raise self.failureException(
                f"{len(sent)} message(s) unexpectedly sent{where}:\n{_listed(sent)}"
            )

    def assertConsumed(self, channel, times=None):
        """
        Assert that the channel's consumer has run, ``times`` times or at least
        once. That it raised an exception makes no difference.
        """
        name = name_of(channel)
        count = isolation.current.consumed.get(name, 0)
        if count != times if times is not None else not count:
            expected = "at least once" if times is None else f"{times} time(s)"
            others = ", ".join(
                f"{c!r} {n}" for c, n in isolation.current.consumed.items() if c != name
            )
            raise self.failureException(
                f"The consumer of {name!r} ran {count} time(s), not {expected}. "
                f"Others that ran: {others or 'none'}."
            )

    @contextmanager
    def captureMessages(self):
        """
        Give a list of what is sent within the block, of SentMessage: objects
        with channel (or group), alias and content.
        """
        messages = []
        isolation.current.captures.append(messages)
        try:
            yield messages
        finally:
            isolation.current.captures[:] = [
                each for each in isolation.current.captures if each is not messages
            ]

    def run_messages(self, *channels):
        """
        Run the consumers of the messages that wait, on the given channels or
        on any, and of those that they send. Return how many ran. An exception
        of a consumer is raised.
        """
        return running.run_messages(channels)

    async def arun_messages(self, *channels):
        return await running.arun_messages(channels)

    @contextmanager
    def runMessages(self):
        """
        Within the block, run messages when they're sent. In code that runs on
        an event loop, those sent by plain code run at the block's end.
        """
        test = isolation.current
        was, test.at_once = test.at_once, True
        try:
            yield
            if not running.has_loop():
                running.run_messages()
        finally:
            test.at_once = was

    def advance_time(self, seconds):
        """
        Move the channels' clock forward: messages expire meanwhile, and the
        time comes for delayed ones and for those to be tried again.
        run_messages() runs them.
        """
        isolation.current.used = True
        isolation.current.ahead += seconds

    def _find_sent(self, kind, name, content):
        sent = isolation.current.sent
        there = [each for each in sent if getattr(each, kind) == name]
        for each in there:
            if not _differences(each.content, content):
                return each
        if not there:
            message = f"No message was sent on the {kind} {name!r}."
            if sent:
                counts = Counter(
                    f"group {s.group!r}" if s.group else repr(s.channel) for s in sent
                )
                listed = ", ".join(f"{where} ({n})" for where, n in counts.items())
                message += f" Messages were sent on: {listed}."
            if _waits_for_commit():
                message += (
                    " Something waits for a commit, which a TestCase makes only within "
                    "captureOnCommitCallbacks(execute=True)."
                )
            raise self.failureException(message)
        nearest = min(there, key=lambda each: len(_differences(each.content, content)))
        lines = "\n".join(_differences(nearest.content, content))
        raise self.failureException(
            f"None of the {len(there)} message(s) on the {kind} {name!r} has that "
            f"content. The nearest differs:\n{lines}\nAll of them:\n{_listed(there)}"
        )


def _waits_for_commit():
    opened = connections.all(initialized_only=True)
    return any(connection.run_on_commit for connection in opened)


def _differences(found, expected):
    """Return a line for each expected key that isn't found with its value."""
    lines = []
    for key, value in expected.items():
        if key not in found:
            lines.append(f"  {key}: not there, expected {value!r}")
        elif found[key] != value:
            lines.append(f"  {key}: {found[key]!r}, expected {value!r}")
    return lines


def _listed(sent):
    return "\n".join(f"  {i}. {each!r}" for i, each in enumerate(sent, 1))
