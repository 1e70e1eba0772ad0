"""Several processes share the groups."""

from .case import Sink


class GroupSharingTests:
    """``self.backend`` and another backend stand for two processes."""

    def test_group_across_processes(self):
        """Each process gets one item, and its sink one call."""
        other = self.make()
        here, there = Sink(), Sink()
        names_here = [self.listen(sink=here)[0] for _ in range(3)]
        names_there = [self.listen(other, there)[0] for _ in range(3)]
        for name in names_here:
            self.backend.group_add("g", name)
        for name in names_there:
            other.group_add("g", name)
        self.backend.group_send("g", {"n": 1})
        other.group_send("g", {"n": 2})
        for sink, expected in ((here, names_here), (there, names_there)):
            sink.wait_for(2)
            self.assertCountEqual(
                sink.got, [(expected, {"n": 1}), (expected, {"n": 2})]
            )

    def test_group_add_from_elsewhere(self):
        """Who has added a member reaches it, from whichever process."""
        other, third = self.make(), self.make()
        expected = []
        name, sink = self.listen()
        for n, sender in enumerate([other, third, self.backend] * 5):
            group = f"g{n}"
            other.group_add(group, name)
            sender.group_send(group, {"n": n})
            expected.append(n)
        got = [c["n"] for c in sink.wait_for(len(expected))]
        self.assertEqual(sorted(got), expected)

    def test_group_add_of_several_from_elsewhere(self):
        other = self.make()
        sink = Sink()
        reply_names = [self.listen(sink=sink)[0] for _ in range(20)]
        for name in reply_names:
            other.group_add("g", name)
        self.backend.group_send("g", {"n": 1})
        sink.wait_for(1)
        self.assertEqual(sink.got, [(reply_names, {"n": 1})])

    def test_group_discard_from_elsewhere(self):
        other = self.make()
        name, sink = self.listen()
        self.backend.group_add("g", name)
        other.group_discard("g", name)
        other.group_send("g", {"n": 1})
        self.send(name, other, n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_group_add_of_what_is_gone(self):
        """A membership from elsewhere ends with the socket, too."""
        other = self.make()
        name, sink = self.listen()
        second, _ = self.listen(sink=sink)
        self.backend.unlisten(name)
        other.group_add("g", name)
        self.send(second, other, n=1)
        sink.wait_for(1)
        self.backend.listen(name, sink)
        other.group_send("g", {"n": 2})
        self.send(name, other, n=3)
        self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 3}])

    def test_group_order_from_elsewhere(self):
        other = self.make()
        name, sink = self.listen()
        other.group_add("g", name)
        for n in range(0, 100, 2):
            other.group_send("g", {"n": n})
            self.send(name, other, n=n + 1)
        self.assertEqual([c["n"] for c in sink.wait_for(100)], list(range(100)))

    def test_queue_in_a_group_from_elsewhere(self):
        other = self.make()
        other.group_add("g", "task")
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.receive("task", backend=other), {"n": 1})

    def test_empty_groups_are_left(self):
        """The store forgets a process that has had no member for a while."""
        backend = self.make(OPTIONS={"LEASE": 0.3})
        name, _ = self.listen(backend)
        backend.group_add("g", name)
        backend.group_discard("g", name)
        self.wait_until(lambda: not self.backend._members("g"))
        backend.group_add("g", name)
        self.assertEqual(len(self.backend._members("g")), 1)

    def test_living_processes(self):
        """Only those of a group count that live."""
        other = self.make()
        name, _ = self.listen(other)
        self.assertEqual(self.backend.processes_in("g"), set())
        other.group_add("g", name)
        self.backend.group_add("g", "task")
        self.assertEqual(self.backend.processes_in("g"), {other.process})
        self.assertEqual(
            self.backend._alive({other.process, "nobody"}), {other.process}
        )
        other.close()
        self.assertEqual(self.backend.processes_in("g"), set())
