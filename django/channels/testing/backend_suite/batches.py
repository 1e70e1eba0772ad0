"""Many messages of a channel are sent at once."""

from asgiref.sync import sync_to_async

from django.channels.batches import LARGEST
from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull, InvalidMessage, MessageTooLarge
from django.channels.message import Message

from .durable_case import DurableCase

DURABLE = Delivery(durable=True)

# More than go to a server at a time.
MANY = 2 * LARGEST + 1


class BatchTests(DurableCase):
    def test_many(self):
        self.send("a", n=0)
        self.backend.send_many(self.messages(range(1, MANY)))
        self.send("a", n=MANY)
        self.backend.send_many([])
        found = [content["n"] for content in self.receive_all("a")]
        self.assertEqual(found, [*range(MANY + 1)])

    def test_many_wake_a_receiver(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive, 60)
        self.backend.send_many(self.messages(range(2)))
        self.assertEqual(call.result().content, {"n": 0})

    def test_many_durable(self):
        self.add("a", content={"n": 0})
        self.backend.add_many(self.messages(range(1, MANY)), DURABLE)
        self.add("a", content={"n": MANY})
        self.backend.add_many([], DURABLE)
        self.assertEqual(self.take_all("a"), [*range(MANY + 1)])

    def test_many_delivered_as_they_say(self):
        self.requires_durable()
        add = self.backend.add_many
        add(self.messages([0]), DURABLE)
        add(self.messages([1, 2]), Delivery(durable=True, priority=1))
        add(self.messages([3, 4]), Delivery(durable=True, priority=-1, key="k"))
        add(self.messages([5, 6]), Delivery(durable=True, delay=60))
        add(self.messages([7, 8], "b"), Delivery(delay=60))
        self.assertEqual(self.take_all("b"), [])
        for n in (1, 2, 0):
            self.assertEqual(self.take("a").content, {"n": n})
        held = self.take("a")
        self.assertEqual(held.content, {"n": 3})
        # It has the same key.
        self.assertIsNone(self.take("a"))
        self.backend.acknowledge(held)
        self.assertEqual(self.take_all("a"), [4])

    def test_full(self):
        """The first ones are sent, and it says how many."""
        capacity = LARGEST + 10
        backend = self.make(CAPACITY=capacity)
        self.send("a", backend, n=0)
        with self.assertRaises(ChannelFull) as caught:
            backend.send_many(self.messages(range(1, MANY)))
        self.assertEqual(caught.exception.sent, capacity - 1)
        with self.assertRaises(ChannelFull) as caught:
            backend.send_many(self.messages(range(3)))
        self.assertEqual(caught.exception.sent, 0)
        self.assertEqual(backend.dropped, {"full": 2})
        found = [content["n"] for content in self.receive_all("a", backend=backend)]
        self.assertEqual(found, [*range(capacity)])

    def test_full_of_durable(self):
        self.requires_durable()
        capacity = LARGEST + 10
        backend = self.make(CAPACITY=capacity)
        self.add("a", backend, content={"n": 0})
        with self.assertRaises(ChannelFull) as caught:
            backend.add_many(self.messages(range(1, MANY)), DURABLE)
        self.assertEqual(caught.exception.sent, capacity - 1)
        with self.assertRaises(ChannelFull) as caught:
            backend.add_many(self.messages(range(3)), DURABLE)
        self.assertEqual(caught.exception.sent, 0)
        self.assertEqual(self.take_all("a"), [*range(capacity)])
        # What couldn't be added has left nothing.
        backend.add_many(self.messages(range(capacity)), DURABLE)
        self.assertEqual(self.take_all("a"), [*range(capacity)])

    def test_expired_messages_take_no_room_of_many(self):
        backend = self.make(CAPACITY=3)
        self.make(EXPIRY=0.1).send_many(self.messages(range(2)))
        self.let_pass(0.2)
        with self.assertLogs("django.channels", "WARNING"):
            # A backend may notice when it sends or when it receives.
            found = []
            messages = self.messages([2, 3, 4])
            try:
                backend.send_many(messages)
            except ChannelFull as error:
                found += self.receive_all("a", backend=backend)
                backend.send_many(messages[error.sent :])
            found += self.receive_all("a", backend=backend)
        self.assertEqual([content["n"] for content in found], [2, 3, 4])

    def test_many_replies(self):
        name, sink = self.listen()
        self.backend.send_many(self.messages(range(3), name))
        self.assertEqual(sink.wait_for(3), [{"n": n} for n in range(3)])

    async def test_many_with_await(self):
        await self.backend.asend_many(self.messages(range(3)))
        if self.backend.durable:
            await self.backend.aadd_many(self.messages(range(3), "b"), DURABLE)
        await sync_to_async(self.check_many)()

    def check_many(self):
        self.assertEqual(self.receive_all("a"), [{"n": n} for n in range(3)])
        if self.backend.durable:
            self.assertEqual(self.take_all("b"), [0, 1, 2])

    def messages(self, numbers, channel="a"):
        return [Message(channel, {"n": n}) for n in numbers]


class SharedBatchTests(BatchTests):
    """These and more where a message may be too large."""

    def test_too_large_a_message_of_many(self):
        """Nothing is sent, and it says which one."""
        backend = self.make(OPTIONS={"MAX_MESSAGE_BYTES": 1000})
        messages = self.messages(range(MANY))
        messages[LARGEST] = Message("a", {"n": "x" * 1000})
        sends = [backend.send_many]
        if backend.durable:
            sends.append(lambda messages: backend.add_many(messages, DURABLE))
        for send in sends:
            with self.assertRaises(MessageTooLarge) as caught:
                send(messages)
            self.assertIn(f"Message {LARGEST}, counted", str(caught.exception))
            self.assertIsInstance(caught.exception, InvalidMessage)
            self.assertEqual(caught.exception.sent, 0)
            self.assertIsNone(self.receive("a"))
