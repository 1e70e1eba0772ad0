import re
from datetime import datetime, timezone

from django.channels import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, names
from django.channels.backends.durable import DEAD_LIMIT
from django.channels.exceptions import ChannelError, InvalidChannelBackend
from django.channels.leases import LONGEST_ERROR
from django.channels.lines import shown
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Lists, shows, retries or deletes durable messages that were given up."

    def add_arguments(self, parser):
        parser.add_argument("action", choices=["list", "show", "retry", "purge"])
        parser.add_argument(
            "--backend",
            default=DEFAULT_CHANNEL_BACKEND_ALIAS,
            metavar="ALIAS",
            help="Alias of the channel backend.",
        )
        parser.add_argument("--channel", help="Only messages of this channel.")
        parser.add_argument("--id", help="Only the message with this id.")
        parser.add_argument(
            "--all",
            action="store_true",
            help="For retry and purge: all messages, of the channel if one is given.",
        )
        parser.add_argument(
            "--limit",
            type=number,
            default=DEAD_LIMIT,
            help="How many messages to list at most.",
        )
        parser.add_argument(
            "--offset", type=number, default=0, help="How many to pass over before."
        )

    def handle(self, *, action, backend, channel, id, **options):
        if action in ("retry", "purge") and bool(id) == options["all"]:
            raise CommandError(f"{action} needs either --id or --all.")
        if action == "show" and not id:
            raise CommandError("show needs --id.")
        try:
            carrier = channel_backends[backend]
            if carrier.process_local or not carrier.durable:
                raise CommandError(
                    f"CHANNEL_BACKENDS[{backend!r}] is {type(carrier).__qualname__}: "
                    f"it keeps no messages that another process could see."
                )
            if channel is not None:
                channel = names.canonical(channel)
            if id:
                # No backend has another, nor one that it could be asked for.
                known = id.isascii() and len(id) <= LONGEST_ID
                options["dead"] = carrier.dead(channel, id) if known else []
                if not options["dead"]:
                    raise CommandError(f"There is no dead message with the id {id}.")
            getattr(self, action)(carrier, channel, **options)
        except (ChannelError, InvalidChannelBackend) as error:
            raise CommandError(str(error)) from error

    def list(self, backend, channel, limit, offset, dead=None, **options):
        if dead is not None:
            offset, total = 0, len(dead)
        else:
            dead = backend.dead(channel, limit=limit, offset=offset)
            total = backend.count_dead(channel)
            if dead:
                # Some may be gone since they were listed.
                total = max(offset + len(dead), total)
        for each in dead:
            self.say(
                f"{each.id}  {when(each)}  {each.channel}  "
                f"{each.attempts} attempt(s)  {reason(each)}"
            )
        end = offset + len(dead)
        if len(dead) < total:
            more = f", {total - end} more after these" if end < total else ""
            self.say(f"{len(dead)} of {total} dead message(s){more}.")
        else:
            self.say(f"{total} dead message(s).")

    def show(self, backend, channel, dead, **options):
        for each in dead:
            self.say(f"Id:        {each.id}")
            self.say(f"Channel:   {each.channel}")
            self.say(f"Attempts:  {each.attempts}")
            self.say(f"Died:      {when(each)}")
            if each.content is None:
                self.say("Content:   could not be read")
            else:
                self.say("Content:")
                for key, value in each.content.items():
                    self.say(f"    {key} = {value!r}")
            self.say("Error:")
            for line in each.error.rstrip().splitlines():
                self.say(f"    {line}")

    def retry(self, backend, channel, **options):
        number = self.change(backend, backend.revive, channel, **options)
        self.say(f"{number} message(s) will be tried again.")

    def purge(self, backend, channel, **options):
        number = self.change(backend, backend.purge, channel, **options)
        self.say(f"{number} message(s) deleted.")

    def say(self, line):
        # A terminal would do what a client has had an exception say.
        self.stdout.write(shown(line))

    def change(self, backend, change, channel, dead=None, **options):
        """Change the given ones, or all. Return how many were."""
        if dead is not None:
            return change(dead)
        # One that dies again meanwhile comes after those of now.
        changed, left = 0, backend.count_dead(channel)
        while left > 0 and (dead := backend.dead(channel, limit=min(left, DEAD_LIMIT))):
            changed += change(dead)
            left -= len(dead)
        return changed


# The longest id of a message, in characters; and the largest number of messages
# that all backends can be asked for.
LONGEST_ID = 100
LARGEST = 2**31 - 1

# What a traceback begins with, and the line of the exception after its frames,
# which has bars before it in an exception group's.
HEADER = "Traceback (most recent call last):\n"
EXCEPTION = re.compile(r"^(?: +\| )?([^\W\d][\w.<>]*)(?::|$)", re.MULTILINE)


def reason(dead):
    """
    Return the class of the exception, without its text, which may have the
    message's content in it. Return "" where no more than its end was kept.
    """
    _, header, rest = dead.error.rpartition(HEADER)
    if not header and len(dead.error) >= LONGEST_ERROR:
        return ""
    if found := EXCEPTION.search(rest):
        return found[1]
    # What we have written, of a message whose attempts came to no end.
    return "" if header else rest.partition(":")[0]


def number(text):
    value = int(text)
    if not 0 <= value <= LARGEST:
        raise ValueError
    return value


def when(dead):
    try:
        time = datetime.fromtimestamp(dead.died, timezone.utc)
    except (OSError, OverflowError, ValueError):
        # Others than us have stored it, where a server is shared.
        return "at an unknown time"
    return f"{time:%Y-%m-%d %H:%M:%S}Z"
