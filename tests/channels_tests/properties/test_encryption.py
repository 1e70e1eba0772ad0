import base64

from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from django.channels.backends.encryption import Cipher
from django.test import SimpleTestCase

keys = st.binary(min_size=32, max_size=32).map(base64.urlsafe_b64encode)
key_lists = st.lists(keys, min_size=1, max_size=3, unique=True)
data = st.binary(max_size=60)
places = st.sampled_from(["a", "ab", "b", "!inbox", "!result a", ""])


class EncryptionTests(SimpleTestCase):
    def assertUnreadable(self, cipher, token, place="a", by="with another key"):
        with self.assertRaisesMessage(ValueError, f"Encrypted {by}."):
            cipher.decrypt(token, place)

    @given(key_lists, data)
    def test_round_trip(self, keys, data):
        """What is encrypted is decrypted, and can't be read on the way."""
        token = Cipher(keys).encrypt(data, "a")
        self.assertEqual(Cipher(keys).decrypt(token, "a"), data)
        if len(data) > 3:
            self.assertNotIn(data, token)
            self.assertNotIn(data, base64.urlsafe_b64decode(token))

    @given(keys, data, st.data())
    def test_changed_byte(self, key, data, draw):
        """A change of any byte of what was encrypted is found out."""
        cipher = Cipher([key])
        raw = bytearray(base64.urlsafe_b64decode(cipher.encrypt(data, "a")))
        at = draw.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= draw.draw(st.integers(1, 255))
        self.assertUnreadable(cipher, base64.urlsafe_b64encode(raw))

    @given(keys, data, st.data())
    def test_shortened(self, key, data, draw):
        """So is the loss of some of it, and what was put before it."""
        cipher = Cipher([key])
        raw = base64.urlsafe_b64decode(cipher.encrypt(data, "a"))
        cut = draw.draw(st.integers(0, len(raw) - 1))
        self.assertUnreadable(cipher, base64.urlsafe_b64encode(raw[:cut]))
        more = draw.draw(st.binary(min_size=1, max_size=40))
        self.assertUnreadable(cipher, base64.urlsafe_b64encode(more + raw))
        self.assertUnreadable(cipher, base64.urlsafe_b64encode(raw + more))

    @given(keys, data, places, places)
    def test_place(self, key, data, place, other):
        """What is moved to another place is found out."""
        token = Cipher([key]).encrypt(data, place)
        self.assertEqual(Cipher([key]).decrypt(token, place), data)
        if other != place:
            self.assertUnreadable(Cipher([key]), token, other, "for another place")

    @given(keys, st.binary(max_size=200))
    def test_any_bytes(self, key, token):
        """Any bytes at all are decrypted or a ValueError."""
        self.assertUnreadable(Cipher([key]), token)

    @given(key_lists, keys, data)
    def test_rotation(self, old, new, data):
        """With a new key before them, the old ones still decrypt; not without."""
        token = Cipher(old).encrypt(data, "a")
        self.assertEqual(Cipher([new, *old]).decrypt(token, "a"), data)
        for key in old[1:]:
            self.assertUnreadable(Cipher([key]), token)
        if new not in old:
            self.assertUnreadable(Cipher([new]), token)
            fresh = Cipher([new, *old]).encrypt(data, "a")
            self.assertEqual(Cipher([new]).decrypt(fresh, "a"), data)
            self.assertUnreadable(Cipher(old), fresh)

    @given(
        st.lists(st.text(max_size=44) | st.binary(max_size=44) | st.none(), min_size=1)
    )
    def test_any_keys(self, keys):
        """Whatever is no key is refused when it's read, and isn't told."""
        try:
            Cipher(keys)
        except ValueError as error:
            self.assertRegex(str(error), "^each key must be one")
        else:
            for key in keys:
                Fernet(key)
