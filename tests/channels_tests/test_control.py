from types import SimpleNamespace
from unittest import mock

from django.channels import names
from django.channels.control import ControlChannel
from django.channels.exceptions import BackendUnavailable, ChannelFull
from django.test import SimpleTestCase


def request(name="http.there!1", **values):
    return SimpleNamespace(
        name=name,
        begun=0,
        leave=mock.Mock(),
        **{"announced": False, "confessions": 0, **values},
    )


class Backend:
    process = "here"

    def __init__(self, *answers):
        self.reach = mock.Mock(side_effect=answers)

    def reply_name(self, kind):
        return names.reply_name(kind, self.process)

    def _alive(self, processes):
        return set(processes)


class LookTests(SimpleTestCase):
    """An edge is told who has its request, once, and who has lost it."""

    def look(self, backend, times, *requests):
        requests = requests or (request(),)
        control = ControlChannel(backend)
        with mock.patch.object(control._ticker, "items", lambda: [*requests]):
            for _ in range(times):
                control._look()
        return requests[0]

    def test_once(self):
        backend = Backend(True)
        first = self.look(backend, 3)
        [call] = backend.reach.call_args_list
        self.assertEqual(call.args[0].channel, "http.there!1")
        self.assertEqual(names.process_of(call.args[0].content["worker"]), "here")
        first.leave.assert_not_called()

    def test_again_where_it_failed(self):
        """Its edge would take the request for lost."""
        backend = Backend(BackendUnavailable("It's away."), True)
        with self.assertLogs("django.channels", "WARNING"):
            first = self.look(backend, 3)
        self.assertEqual(backend.reach.call_count, 2)
        first.leave.assert_not_called()

    def test_edge_that_is_gone(self):
        first = self.look(Backend(False), 2)
        first.leave.assert_called_once_with()

    def test_edge_that_is_behind(self):
        """Others are told nevertheless, and it's told when it has room."""
        backend = Backend(ChannelFull("full"), True, True)
        first, second = request(), request("http.elsewhere!1")
        self.look(backend, 1, first, second)
        self.assertEqual((first.announced, second.announced), (False, True))
        self.look(backend, 2, first, second)
        self.assertIs(first.announced, True)
        self.assertEqual(backend.reach.call_count, 3)

    def test_lost_for_an_edge_that_is_behind(self):
        """It's told for a while, and no other is kept from hearing."""
        lost, other = request(confessions=2), request("http.elsewhere!1")
        backend = Backend(ChannelFull("full"), True, ChannelFull("full"))
        self.look(backend, 2, lost, other)
        self.assertEqual(lost.confessions, 0)
        self.assertIs(other.announced, True)
