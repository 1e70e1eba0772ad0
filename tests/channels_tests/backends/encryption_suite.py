"""What is left to read in a store when messages are encrypted."""

from django.channels.delivery import Delivery
from django.channels.message import Message

KEYS = [
    "mG9tqJ1bqUOQDSbJv5hRWB0Xg6HvNLgJ9RJDnXbCtlk=",
    "Zr3n6vJx0m2q5t8w1y4B7E0H3K6N9Q2T5W8Z1c4f7i0=",
]

# How many keep_secrets() has the store keep.
SECRETS = 7


class EncryptionTests:
    """
    For test cases of shared backends, whose everything() is a store's content as
    text.
    """

    def test_nothing_in_the_clear(self):
        """Wherever a store keeps content, it's encrypted."""
        self.keep_secrets(self.make(), "open")
        self.assertGreaterEqual(self.everything().count("open"), SECRETS)
        self.backend.flush()
        backend = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[:1]})
        self.keep_secrets(backend, "hush")
        self.assertNotIn("hush", self.everything())
        # All of it is still there, for who has the key.
        rotated = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[::-1]})
        for channel in ("plain", "durable"):
            self.assertEqual(self.receive(channel, backend=rotated), {"is": "hush"})
        (dead,) = rotated.dead()
        self.assertEqual((dead.content, dead.error), ({"is": "hush"}, "hush"))
        self.assertEqual(rotated.result("1"), {"is": "hush"})

    def keep_secrets(self, backend, secret):
        """Have the store keep the secret in each of the ways that there are."""
        content, durable = {"is": secret}, Delivery(durable=True)
        backend.send(Message("plain", content))
        backend.add(Message("durable", content), durable)
        backend.add(Message("delayed", content), Delivery(delay=60))
        backend.add(Message("dead", content), durable)
        backend.bury(self.open("dead", backend=backend).receive(0), secret)
        backend.store_result("1", content, 60)
        # In the inbox of a process that reads nothing any more.
        reader = self.make(OPTIONS=backend.options)
        name, _ = self.listen(reader)
        self.let_die(reader)
        backend.send(Message(name, content))
