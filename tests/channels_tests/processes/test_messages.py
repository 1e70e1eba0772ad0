from django.channels import signals
from django.channels.message import Message
from django.channels.processes.messages import MessageNotes
from django.channels.worker import Worker
from django.test import SimpleTestCase


class MessageNotesTests(SimpleTestCase):
    def handle(self, exception=None):
        message = Message("task", {"text": "s3cret"})
        signals.consumer_started.send(sender=Worker, message=message)
        signals.consumer_finished.send(
            sender=Worker, message=message, exception=exception
        )

    def test_lines(self):
        lines = []
        with MessageNotes(lines.append) as notes:
            self.handle()
            with self.assertLogs("django.channels.worker", "ERROR"):
                self.handle(ValueError("s3cret"))
        self.handle()
        self.assertRegex(lines[0], r"^task \d+\.\d ms ok$")
        self.assertRegex(lines[1], r"^task \d+\.\d ms error ValueError$")
        self.assertEqual(len(lines), 2)
        self.assertEqual(notes._begun, {})

    def test_limit(self):
        """It's told once."""
        told = []
        with MessageNotes(limit=2, enough=lambda: told.append(True)):
            self.handle()
            self.assertEqual(told, [])
            for _ in range(3):
                self.handle()
        self.assertEqual(told, [True])
