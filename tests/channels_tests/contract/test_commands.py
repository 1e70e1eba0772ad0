import inspect
import logging
import os
import re
import sys
import threading
from io import StringIO
from unittest import mock

from django.channels.interfaces import development
from django.contrib.staticfiles.management.commands import runserver as staticfiles
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.core.management.commands import runserver
from django.core.servers import basehttp
from django.test import SimpleTestCase
from django.utils import autoreload
from django.utils.log import DEFAULT_LOGGING, ServerFormatter

from .relying import relied_on

DEVELOPMENT = "django/channels/interfaces/development.py"
RUNWORKER = "django/core/management/commands/runworker.py"
RELOADING = "django/channels/processes/reloading.py"
RUNWSSERVER = "django/core/management/commands/runwsserver.py"
ACCESS = "django/channels/interfaces/access.py"


class CommandTests(SimpleTestCase):
    @relied_on(f"{RUNWORKER} {RUNWSSERVER}", "core commands are found by scanning.")
    def test_discovery(self):
        for name in ("runworker", "runwsserver"):
            self.assertEqual(get_commands()[name], "django.core")
            command = load_command_class("django.core", name)
            self.assertIsInstance(command, BaseCommand)

    @relied_on(RUNWORKER, "a command can check the migrations, and write to stdout.")
    def test_command(self):
        stdout = StringIO()
        command = BaseCommand(stdout=stdout)
        self.assertIs(callable(command.check_migrations), True)
        command.stdout.write("line")
        self.assertEqual(stdout.getvalue(), "line\n")

    @relied_on(
        RUNWSSERVER, "naiveip_re parts an address: address, IPv4, IPv6, name, " "port."
    )
    def test_naiveip(self):
        match = re.match(runserver.naiveip_re, "[::1]:8000")
        self.assertEqual(match.groups(), ("[::1]", None, "[::1]", None, "8000"))
        match = re.match(runserver.naiveip_re, "localhost:8000")
        self.assertEqual(match.groups()[3:], ("localhost", "8000"))
        self.assertEqual(match["port"], "8000")
        self.assertIsNone(re.match(runserver.naiveip_re, "nothing"))


class AutoreloadTests(SimpleTestCase):
    @relied_on(RUNWORKER, "get_child_arguments() is this process's command line.")
    def test_arguments(self):
        argv = [__file__, "runworker", "--processes", "2"]
        with (
            mock.patch.object(sys, "argv", argv),
            mock.patch.object(sys.modules["__main__"], "__spec__", None),
        ):
            arguments = autoreload.get_child_arguments()
        self.assertEqual(arguments[0], sys.executable)
        self.assertEqual(arguments[-4:], argv)

    @relied_on(
        RELOADING,
        "run_with_reloader() starts the command anew as long as it ends with 3, and "
        "calls the function, in a thread, in what it has started.",
    )
    def test_reloader(self):
        calls = []
        with (
            mock.patch.object(autoreload.signal, "signal"),
            mock.patch.object(autoreload.subprocess, "run") as run,
            mock.patch.dict(os.environ, RUN_MAIN=""),
            self.assertRaises(SystemExit) as ended,
        ):
            run.side_effect = [mock.Mock(returncode=3), mock.Mock(returncode=7)]
            autoreload.run_with_reloader(calls.append, 1)
        self.assertEqual((ended.exception.code, calls), (7, []))

        def run_reloader(thread):
            thread.join()
            reloader.should_stop = True

        reloader = mock.Mock(should_stop=False, run=run_reloader)
        with (
            mock.patch.object(autoreload.signal, "signal"),
            mock.patch.object(autoreload, "get_reloader", return_value=reloader),
            mock.patch.dict(os.environ, RUN_MAIN="true"),
        ):
            autoreload.run_with_reloader(
                lambda: calls.append(threading.current_thread())
            )
        self.assertEqual(len(calls), 1)
        self.assertIsNot(calls[0], threading.current_thread())
        autoreload.raise_last_exception()


class RunserverTests(SimpleTestCase):
    @relied_on(
        DEVELOPMENT, "run() has the arguments of django.core.servers.basehttp's."
    )
    def test_signature(self):
        theirs, ours = map(inspect.signature, (basehttp.run, development.run))
        self.assertEqual(ours, theirs)

    @relied_on(
        DEVELOPMENT,
        "runserver calls the module's run(), with arguments that "
        "it takes, a server class, and on_bind(port).",
    )
    def test_call(self):
        command = runserver.Command(stdout=StringIO())
        command.addr, command.port = "127.0.0.1", "8000"
        command._raw_ipv6, command.use_ipv6 = False, False
        options = {"use_threading": True, "skip_checks": True}
        with mock.patch.object(runserver, "run") as run:
            with mock.patch.object(command, "check_migrations"):
                command.inner_run(**options)
        args, kwargs = run.call_args
        call = inspect.signature(development.run).bind(*args, **kwargs).arguments
        self.assertEqual((call["addr"], call["port"]), ("127.0.0.1", 8000))
        self.assertIs(call["threading"], True)
        self.assertIs(call["server_cls"], basehttp.WSGIServer)
        call["on_bind"](8000)
        self.assertIn("http://127.0.0.1:8000/", command.stdout._out.getvalue())

    @relied_on(DEVELOPMENT, "a server class of the project's own is in server_cls.")
    def test_server_class(self):
        self.assertIs(runserver.Command.server_cls, basehttp.WSGIServer)
        self.assertIs(issubclass(staticfiles.Command, runserver.Command), True)

    @relied_on(DEVELOPMENT, "an interrupt ends runserver, with status 0.")
    def test_interrupt(self):
        command = runserver.Command(stdout=StringIO())
        command.addr, command.port, command.use_ipv6 = "127.0.0.1", "8000", False
        options = {"use_threading": True, "skip_checks": True}
        with mock.patch.object(runserver, "run", side_effect=KeyboardInterrupt):
            with mock.patch.object(command, "check_migrations"):
                with self.assertRaises(SystemExit) as stopped:
                    command.inner_run(**options)
        self.assertEqual(stopped.exception.code, 0)

    @relied_on(
        RUNWSSERVER,
        "get_internal_wsgi_application() is WSGI_APPLICATION or "
        "Django's own handler.",
    )
    def test_application(self):
        with self.settings(WSGI_APPLICATION=None):
            with mock.patch("django.core.servers.basehttp.get_wsgi_application") as get:
                application = basehttp.get_internal_wsgi_application()
        self.assertIs(application, get.return_value)


class LogTests(SimpleTestCase):
    @relied_on(
        ACCESS,
        "ServerFormatter shows a record's server_time, and colours it "
        "by status_code.",
    )
    def test_server_formatter(self):
        record = logging.makeLogRecord(
            {"msg": '"GET / HTTP/1.1" 200 5', "server_time": "now", "status_code": 200}
        )
        line = ServerFormatter("[{server_time}] {message}", style="{").format(record)
        self.assertIn("[now] ", line)
        self.assertIn("GET / HTTP/1.1", line)

    @relied_on(
        f"{ACCESS} django/channels/signals.py django/channels/interfaces/sockets.py",
        "Django configures the loggers 'django' and 'django.server'; others below "
        "'django' pass their records on.",
    )
    def test_loggers(self):
        self.assertEqual({*DEFAULT_LOGGING["loggers"]}, {"django", "django.server"})
        self.assertIs(logging.getLogger("django.channels").propagate, True)
