from datetime import datetime, timezone

from django.channels import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends
from django.channels.exceptions import ChannelError, InvalidChannelBackend
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
            dead = carrier.dead(channel=channel, id=id)
            if id and not dead:
                raise CommandError(f"There is no dead message with the id {id}.")
            getattr(self, action)(carrier, dead)
        except (ChannelError, InvalidChannelBackend) as error:
            raise CommandError(str(error)) from error

    def list(self, backend, dead):
        for each in dead:
            lines = each.error.strip().splitlines()
            # The content may be in the text of an exception.
            reason = lines[-1].partition(":")[0] if lines else ""
            self.stdout.write(
                f"{each.id}  {when(each)}  {each.channel}  "
                f"{each.attempts} attempt(s)  {reason}"
            )
        self.stdout.write(f"{len(dead)} dead message(s).")

    def show(self, backend, dead):
        for each in dead:
            self.stdout.write(f"Id:        {each.id}")
            self.stdout.write(f"Channel:   {each.channel}")
            self.stdout.write(f"Attempts:  {each.attempts}")
            self.stdout.write(f"Died:      {when(each)}")
            if each.content is None:
                self.stdout.write("Content:   could not be read")
            else:
                self.stdout.write("Content:")
                for key, value in each.content.items():
                    self.stdout.write(f"    {key} = {value!r}")
            self.stdout.write("Error:")
            for line in each.error.rstrip().splitlines():
                self.stdout.write(f"    {line}")

    def retry(self, backend, dead):
        self.stdout.write(f"{backend.revive(dead)} message(s) will be tried again.")

    def purge(self, backend, dead):
        self.stdout.write(f"{backend.purge(dead)} message(s) deleted.")


def when(dead):
    time = datetime.fromtimestamp(dead.died, timezone.utc)
    return f"{time:%Y-%m-%d %H:%M:%S}Z"
