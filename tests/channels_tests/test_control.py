from types import SimpleNamespace
from unittest import mock

from django.channels.control import ControlChannel
from django.channels.exceptions import BackendUnavailable
from django.test import SimpleTestCase


class Backend:
    process = "here"

    def __init__(self, *answers):
        self.reach = mock.Mock(side_effect=answers)

    def reply_name(self, kind):
        return f"{kind}.{self.process}!1"

    def _alive(self, processes):
        return set(processes)


class AnnouncementTests(SimpleTestCase):
    """An edge is told who has its request, once."""

    def look(self, backend, times):
        request = SimpleNamespace(
            name="http.there!1",
            begun=0,
            announced=False,
            confessions=0,
            leave=mock.Mock(),
        )
        control = ControlChannel(backend)
        with mock.patch.object(control._ticker, "items", lambda: [request]):
            for _ in range(times):
                control._look()
        return request

    def test_once(self):
        backend = Backend(True)
        request = self.look(backend, 3)
        [call] = backend.reach.call_args_list
        self.assertEqual(call.args[0].channel, "http.there!1")
        self.assertEqual(call.args[0].content, {"worker": "worker.here!1"})
        request.leave.assert_not_called()

    def test_again_where_it_failed(self):
        """Its edge would take the request for lost."""
        backend = Backend(BackendUnavailable("It's away."), True)
        with self.assertLogs("django.channels", "WARNING"):
            request = self.look(backend, 3)
        self.assertEqual(backend.reach.call_count, 2)
        request.leave.assert_not_called()

    def test_edge_that_is_gone(self):
        request = self.look(Backend(False), 2)
        request.leave.assert_called_once_with()
