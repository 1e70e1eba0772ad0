from pathlib import Path

from django.test import SimpleTestCase, override_settings

from .__main__ import TARGETS
from .targets import TARGETS as FUNCTIONS

CORPUS = Path(__file__).with_name("corpus")


@override_settings(ALLOWED_HOSTS=["localhost"])
class CorpusTests(SimpleTestCase):
    def test_targets(self):
        self.assertEqual(TARGETS, tuple(FUNCTIONS))

    def test_corpus(self):
        """No input that the fuzzer has come upon is a fault."""
        for name, target in FUNCTIONS.items():
            paths = sorted((CORPUS / name).iterdir())
            self.assertTrue(paths, name)
            for path in paths:
                with self.subTest(f"{name}/{path.name}"):
                    target(path.read_bytes())

    def test_size(self):
        paths = [path for path in CORPUS.rglob("*") if path.is_file()]
        self.assertLess(len(paths), 100)
        self.assertLess(sum(path.stat().st_size for path in paths), 50_000)
