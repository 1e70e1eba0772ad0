"""A send to a group reaches each of its members."""

from .case import Sink


class GroupTests:
    def members(self, number=3, backend=None):
        """Return the sink and the names of sockets in the group g."""
        sink = Sink()
        reply_names = []
        for _ in range(number):
            name, _ = self.listen(backend, sink)
            (backend or self.backend).group_add("g", name)
            reply_names.append(name)
        return sink, reply_names

    def test_one_delivery_for_all_members_of_a_sink(self):
        sink, reply_names = self.members()
        self.backend.group_send("g", {"n": 1})
        sink.wait_for(1)
        self.assertEqual(sink.got, [(reply_names, {"n": 1})])

    def test_order_of_sends(self):
        """One thread's, to the group and to a member alike."""
        sink, reply_names = self.members(1)
        for n in range(0, 100, 2):
            self.backend.group_send("g", {"n": n})
            self.send(reply_names[0], n=n + 1)
        self.assertEqual([c["n"] for c in sink.wait_for(100)], list(range(100)))

    def test_queues_are_members_too(self):
        self.backend.group_add("g", "task")
        self.backend.group_add("g", "other")
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.receive("task"), {"n": 1})
        self.assertEqual(self.receive("other"), {"n": 1})

    def test_queues_share_no_value(self):
        """What a consumer does to its values is no other's business."""
        self.backend.group_add("g", "task")
        self.backend.group_add("g", "other")
        self.backend.group_send("g", {"items": [1]})
        self.receive("task")["items"].append(2)
        self.assertEqual(self.receive("other"), {"items": [1]})

    def test_full_queue_is_passed_over(self):
        backend = self.make(CAPACITY=1)
        backend.group_add("g", "a")
        backend.group_add("g", "b")
        self.send("a", backend)
        with self.assertLogs("django.channels", "WARNING"):
            backend.group_send("g", {"n": 1})
        self.assertEqual(self.receive("b", backend=backend), {"n": 1})
        self.assertEqual(backend.dropped, {"full": 1})

    def test_slow_member_is_passed_over(self):
        sink, reply_names = self.members()
        sink.full = [reply_names[1]]
        with self.assertLogs("django.channels", "WARNING"):
            self.backend.group_send("g", {"n": 1})
            sink.wait_for(1)
        self.assertEqual(self.backend.dropped, {"full": 1})

    def test_add_twice(self):
        sink, reply_names = self.members(1)
        self.backend.group_add("g", reply_names[0])
        self.backend.group_add("g", "task")
        self.backend.group_add("g", "task")
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 1}])
        self.assertEqual(self.receive_all("task"), [{"n": 1}])

    def test_discard(self):
        sink, reply_names = self.members()
        self.backend.group_add("g", "task")
        for name in (*reply_names[:2], "task"):
            self.backend.group_discard("g", name)
            self.backend.group_discard("g", name)
        self.backend.group_discard("unknown", "a")
        self.backend.group_discard("unknown", reply_names[0])
        self.backend.group_send("g", {"n": 1})
        sink.wait_for(1)
        self.assertEqual(sink.got, [(reply_names[2:], {"n": 1})])
        self.assertIsNone(self.receive("task"))

    def test_all_leave_and_one_comes_back(self):
        sink, reply_names = self.members()
        for name in reply_names:
            self.backend.group_discard("g", name)
        self.backend.group_send("g", {"n": 1})
        self.backend.group_add("g", reply_names[0])
        self.backend.group_send("g", {"n": 2})
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_membership_ends_with_the_socket(self):
        sink, reply_names = self.members()
        self.backend.group_add("h", reply_names[0])
        self.backend.unlisten(reply_names[0])
        self.backend.listen(reply_names[0], sink)
        self.backend.group_send("h", {"n": 1})
        self.backend.group_send("g", {"n": 2})
        sink.wait_for(1)
        self.assertEqual(sink.got, [(reply_names[1:], {"n": 2})])

    def test_socket_that_is_gone_cannot_join(self):
        """A slow consumer may add a socket after its end."""
        sink, reply_names = self.members()
        self.backend.unlisten(reply_names[0])
        self.backend.group_add("g", reply_names[0])
        self.backend.group_send("g", {"n": 1})
        sink.wait_for(1)
        self.assertEqual(sink.got, [(reply_names[1:], {"n": 1})])

    def test_empty_group(self):
        self.backend.group_send("unknown", {"n": 1})
        self.assertEqual(self.backend.dropped, {})
