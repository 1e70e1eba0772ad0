"""A backend and its model side by side, under any sequence of calls."""

import logging
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull
from django.channels.message import Message
from django.channels.testing.backend_suite.case import Sink

from .model import Model

# Plain messages and the others have places of their own.
PLAIN, JOBS, REPLIES = ("p", "q"), ("a", "b"), 3
CAPACITY = 4

# In units of time, so that nothing falls on the same moment.
EXPIRY, LEASE, DELAY = 10.5, 5.5, 2.75

some = st.integers(0, 7)
delays = st.sampled_from([0, 0, DELAY])
groups = st.sampled_from(["g", "h"])
names = st.sampled_from([None, None, "x", "y"])


class BackendMachine(RuleBasedStateMachine):
    """``case`` is a BackendTestCase, with ``unit``, the seconds of a unit."""

    def __init__(self, case):
        super().__init__()
        self.case = case
        self.unit = case.unit
        self.backend = case.make_backend(
            CAPACITY=CAPACITY,
            EXPIRY=EXPIRY * self.unit,
            OPTIONS={"MESSAGE_LEASE": LEASE * self.unit} if case.shared else {},
        )
        self.backend.message_lease = LEASE * self.unit
        self.backend.flush()
        self.model = Model(CAPACITY, EXPIRY, LEASE)
        # Whatever was received and is leased, or was: message, job, lease.
        self.held = []
        self.number = 0
        self.sink = Sink()
        self.reply_names = [self.backend.reply_name("http") for _ in range(REPLIES)]

    def next_message(self, channel):
        self.number += 1
        return Message(channel, {"n": self.number})

    def sends(self, channel, send):
        """Call ``send``; tell whether there was room, and check that."""
        must, may = self.model.room(channel)
        try:
            send()
        except ChannelFull:
            assert not must, f"{channel} isn't full."
            self.model.full += 1
            return False
        assert may, f"{channel} is full."
        return True

    # Sending and receiving.

    @rule(channel=st.sampled_from(PLAIN))
    def send(self, channel):
        message = self.next_message(channel)
        if self.sends(channel, lambda: self.backend.send(message)):
            self.model.add(self.number, channel)

    @precondition(lambda self: self.backend.durable)
    @rule(
        channel=st.sampled_from(JOBS),
        durable=st.sampled_from([True, True, False]),
        delay=delays,
        priority=st.sampled_from([0, 0, -3, 5]),
        unique=names,
        key=names,
    )
    def add(self, channel, durable, delay, priority, unique, key):
        wanted = {"durable": durable, "delay": delay}
        if durable:
            wanted.update(priority=priority, unique=unique, key=key)
        elif not delay:
            wanted["delay"] = DELAY
        seconds = wanted["delay"] * self.unit
        delivery = Delivery(**{**wanted, "delay": seconds})
        message = self.next_message(channel)
        if self.model.is_taken(channel, delivery.unique):
            # Whether there was room isn't asked then.
            assert self.backend.add(message, delivery) is False, "It's unique."
        elif seconds:
            assert self.backend.add(message, delivery) is True
            self.model.add(self.number, channel, **wanted)
        else:
            added = []
            if self.sends(
                channel, lambda: added.append(self.backend.add(message, delivery))
            ):
                assert added == [True], "No other one with its name waits."
                self.model.add(self.number, channel, **wanted)

    @rule(channel=st.sampled_from(PLAIN), number=st.integers(0, CAPACITY + 1))
    def send_many(self, channel, number):
        self.send_all(channel, number, self.backend.send_many)

    @precondition(lambda self: self.backend.durable)
    @rule(
        channel=st.sampled_from(JOBS),
        number=st.integers(0, CAPACITY + 1),
        priority=st.sampled_from([0, -3, 5]),
        key=names,
    )
    def add_many(self, channel, number, priority, key):
        wanted = {"durable": True, "priority": priority, "key": key}
        add_many = partial(self.backend.add_many, delivery=Delivery(**wanted))
        self.send_all(channel, number, add_many, **wanted)

    def send_all(self, channel, number, send, **wanted):
        """Send so many at once, and check that the first ones have room."""
        messages = [self.next_message(channel) for _ in range(number)]
        try:
            send(messages)
            sent = number
        except ChannelFull as error:
            self.model.full += 1
            sent = error.sent
        for message in messages[:sent]:
            assert self.model.room(channel)[1], f"{channel} is full."
            self.model.add(message.content["n"], channel, **wanted)
        if sent < number:
            assert not self.model.room(channel)[0], f"{channel} isn't full."

    @rule(channels=st.sets(st.sampled_from(PLAIN + JOBS), min_size=1))
    def receive(self, channels):
        self.receive_one(sorted(channels))

    def receive_one(self, channels):
        receiver = self.backend.receiver(channels)
        try:
            message = receiver.receive(0)
        finally:
            receiver.close()
        # A message to a group has one number on all channels.
        expected = {(job.channel, job.n): job for job in self.model.next_ones(channels)}
        if message is None:
            assert not expected, f"{[*expected]} of {channels} was there."
            self.model.nothing_left(channels)
            return None
        found = message.channel, message.content["n"]
        assert found in expected, f"{found} is not in turn, which {[*expected]} is."
        job = expected[found]
        self.model.take(job)
        assert message.durable is job.durable
        if job.durable:
            assert message.attempt == job.attempt, (message.attempt, job.attempt)
            self.held.append((message, job, job.lease_number))
        return message

    @precondition(lambda self: self.case.can_pass_time)
    @rule(units=st.sampled_from([1, 3, 6, 11]))
    def pass_time(self, units):
        self.case.let_pass(units * self.unit)
        self.model.pass_time(units)

    # What is done with what was received. Old leases are tried too.

    def settles(self, which, settle):
        """
        Call ``settle`` with a message, its lease perhaps over; return the job
        if that was in time.
        """
        message, job, lease = self.held[which % len(self.held)]
        must, may = self.model.has_lease(job, lease)
        if not settle(message):
            assert not must, f"The lease of {job} isn't over."
            if may:
                # It's seen by everyone from now on.
                job.lapsed = False
            return None
        assert may, f"The lease of {job} is over."
        self.model.keep(job)
        return job

    @precondition(lambda self: self.held)
    @rule(which=st.sets(some, min_size=1))
    def renew(self, which):
        held = [self.held[i] for i in sorted({i % len(self.held) for i in which})]
        lost = self.backend.renew([message for message, _, _ in held])
        for message, job, lease in held:
            must, may = self.model.has_lease(job, lease)
            if message in lost:
                assert not must, f"The lease of {job} isn't over."
                if may:
                    job.lapsed = False
            else:
                assert may, f"The lease of {job} is over."
                self.model.keep(job)
                self.model.renew(job)

    @precondition(lambda self: self.held)
    @rule(which=some)
    def acknowledge(self, which):
        job = self.settles(which, self.backend.acknowledge)
        if job is not None:
            self.model.acknowledge(job)

    @precondition(lambda self: self.held)
    @rule(which=some, delay=delays, counted=st.booleans())
    def release(self, which, delay, counted):
        seconds = delay * self.unit
        job = self.settles(which, lambda m: self.backend.release(m, seconds, counted))
        if job is not None:
            self.model.release(job, delay, counted)

    @precondition(lambda self: self.held)
    @rule(which=some)
    def bury(self, which):
        error = f"error of {which}"
        job = self.settles(which, lambda message: self.backend.bury(message, error))
        if job is not None:
            self.model.bury(job, error)

    # Dead messages.

    def find_dead(self, which):
        """Return some dead messages, and the model's jobs that they are."""
        dead = self.backend.dead()
        found = [(d.content["n"], d.channel, d.attempts, d.error) for d in dead]
        jobs = self.model.dead
        assert found == [(j.n, j.channel, j.attempt, j.error) for j in jobs], found
        chosen = sorted({i % len(dead) for i in which}) if dead else []
        return [dead[i] for i in chosen], [jobs[i] for i in chosen]

    @precondition(lambda self: self.model.dead)
    @rule(which=st.sets(some))
    def revive(self, which):
        dead, jobs = self.find_dead(which)
        assert self.backend.revive(dead) == len(dead)
        assert self.backend.revive(dead) == 0
        self.model.revive(jobs)

    @precondition(lambda self: self.model.dead)
    @rule(which=st.sets(some))
    def purge(self, which):
        dead, jobs = self.find_dead(which)
        assert self.backend.purge(dead) == len(dead)
        assert self.backend.purge(dead) == 0
        for job in jobs:
            self.model.dead.remove(job)

    # Reply channels and groups.

    @rule(which=st.integers(0, REPLIES - 1))
    def listen(self, which):
        name = self.reply_names[which]
        self.backend.listen(name, self.sink)
        self.model.listening.setdefault(name, [])

    @rule(which=st.integers(0, REPLIES - 1))
    def unlisten(self, which):
        name = self.reply_names[which]
        self.backend.unlisten(name)
        self.model.listening.pop(name, None)
        for members in self.model.groups.values():
            members.discard(name)

    @rule(which=st.integers(0, REPLIES - 1))
    def reply(self, which):
        name = self.reply_names[which]
        self.backend.send(self.next_message(name))
        if name in self.model.listening:
            self.model.listening[name].append(self.number)
        else:
            self.model.gone += 1

    def member(self, which):
        return (*self.reply_names, *PLAIN)[which % (REPLIES + len(PLAIN))]

    @rule(group=groups, which=some)
    def group_add(self, group, which):
        name = self.member(which)
        self.backend.group_add(group, name)
        if name in PLAIN or name in self.model.listening:
            self.model.groups.setdefault(group, set()).add(name)

    @rule(group=groups, which=some)
    def group_discard(self, group, which):
        name = self.member(which)
        self.backend.group_discard(group, name)
        self.model.groups.get(group, set()).discard(name)

    @rule(group=groups)
    def group_send(self, group):
        members = self.model.groups.get(group, ())
        if any(len(set(self.model.room(name))) > 1 for name in PLAIN):
            # Whether there is room nobody could tell afterwards.
            return
        content = self.next_message(group).content
        self.backend.group_send(group, content)
        for name in members:
            if name in PLAIN:
                if self.model.room(name)[0]:
                    self.model.add(self.number, name)
                else:
                    self.model.full += 1
            else:
                self.model.listening[name].append(self.number)

    @invariant()
    def all_replies_came(self):
        got = {}
        for reply_names, content in self.sink.got:
            for name in reply_names:
                got.setdefault(name, []).append(content["n"])
        for name, numbers in self.model.listening.items():
            came = got.get(name, [])
            assert came[len(came) - len(numbers) :] == numbers, (came, numbers)

    @invariant()
    def drops_are_counted(self):
        dropped = self.backend.dropped
        assert dropped.get("full", 0) == self.model.full
        assert dropped.get("gone", 0) == self.model.gone

    def teardown(self):
        try:
            if self.case.can_pass_time:
                self.pass_time(11)
            while self.receive_one([*PLAIN, *JOBS]) is not None:
                if self.held:
                    self.acknowledge(len(self.held) - 1)
            self.find_dead(())
        finally:
            for name in self.reply_names:
                self.backend.unlisten(name)
            self.backend.close()


class ModelTests:
    """To be mixed into a BackendTestCase."""

    # How many seconds a unit of time has, and whether let_pass() may be used.
    unit = 1
    can_pass_time = True

    def test_model(self):
        """Whatever is called in whatever order, it does what the model does."""
        # What is dropped is logged.
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)
        run_state_machine_as_test(
            lambda: BackendMachine(self),
            settings=settings(stateful_step_count=40),
        )
