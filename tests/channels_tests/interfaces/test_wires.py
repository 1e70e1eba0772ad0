import unittest

from django.test import SimpleTestCase

from . import test_outlet, wires  # NOQA: F401


class ImportTests(SimpleTestCase):
    def test_unittest_is_left_alone(self):
        """
        What twisted.trial adds to unittest's class makes Django's own tests
        fail to load: mock.patch() can't decorate them any more.
        """
        self.assertNotIn("__provides__", unittest.TestCase.__dict__)
