"""What the tests of durable channels do with messages."""

from django.channels.delivery import Delivery
from django.channels.message import Message


class DurableCase:
    """Adds and takes messages of a backend with ``durable``."""

    def add(self, channel, backend=None, /, durable=True, content=None, **delivery):
        self.requires_durable()
        delivery = Delivery(durable=durable, **delivery)
        return (backend or self.backend).add(Message(channel, content or {}), delivery)

    def requires_durable(self):
        if not self.backend.durable:
            self.skipTest("The backend has no durable channels.")

    def add_all(self, channel, *contents, **delivery):
        for n in contents:
            self.add(channel, content={"n": n}, **delivery)

    def take(self, *channels, backend=None):
        """Return a message that is there, or None."""
        receiver = (backend or self.backend).receiver(channels)
        try:
            return receiver.receive(0)
        finally:
            receiver.close()

    def take_all(self, *channels):
        """Return the numbers in all messages that are there, and be done."""
        numbers = []
        while (message := self.take(*channels)) is not None:
            numbers.append(message.content["n"])
            if message.durable:
                self.backend.acknowledge(message)
        return numbers

    def make_brief(self, lease=0.2):
        """Return a backend whose leases of messages are over soon, if it can."""
        return self.make(OPTIONS={"MESSAGE_LEASE": lease})

    def pass_lease(self, backend):
        self.let_pass(backend.message_lease + 0.1)
