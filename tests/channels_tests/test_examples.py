"""examples/chat, under runserver, with WebSocket clients and with a browser."""

import contextlib
import json
import sqlite3
import struct
from http.cookiejar import CookieJar
from socket import SO_LINGER, SOL_SOCKET
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

from django.test import SimpleTestCase

from .browser import Tab, chromium
from .projects import Project
from .running import ROOT, enter_for_class, missing, open_websocket, wait_for

try:
    from websockets.exceptions import ConnectionClosed, InvalidStatus
except ImportError:
    ConnectionClosed = None

CHAT = ROOT / "examples" / "chat"
SCREENSHOTS = ROOT / "build" / "screenshots"
MIGRATE = [["migrate", "--verbosity=0"]]


class ChatTestCase(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if ConnectionClosed is None:
            missing("websockets")
        cls.project = enter_for_class(cls, Project(CHAT, MIGRATE))

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.room = self.a_room()

    def a_room(self):
        """Return the path of the room of the test."""
        return self.new_room(self.id().rpartition(".")[2].replace("_", " "))

    def new_room(self, name):
        """Open a room by the form of the index page; return its path."""
        opener = build_opener(HTTPCookieProcessor(jar := CookieJar()))
        opener.open(self.project.url("/"), timeout=30).close()
        token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
        data = urlencode({"name": name[:40], "csrfmiddlewaretoken": token}).encode()
        with opener.open(self.project.url("/"), data, timeout=30) as response:
            return response.url.removeprefix(self.project.url(""))

    def join(self, name, room=None):
        return self.stack.enter_context(Visitor(self.project, room or self.room, name))

    @contextlib.contextmanager
    def database(self):
        path = self.project.folder / "chat.sqlite3"
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
            with connection:
                yield connection


class Visitor:
    """Somebody in a room, who reads the frames that come one by one."""

    def __init__(self, project, room, name):
        # It takes in whatever comes: the closing handshake waits behind frames
        # that nobody has read, for its ten seconds where there's no room left.
        self.connection = open_websocket(
            project.url(quote(room, "/%"), "ws"), max_queue=None
        )
        self.name = name

    def __enter__(self):
        self.socket = self.connection.__enter__()
        self.send(type="join", name=self.name)
        self.welcome = self.expect("welcome")
        return self

    def __exit__(self, *exc_info):
        self.connection.__exit__(*exc_info)

    def send(self, **frame):
        self.socket.send(json.dumps(frame))

    def say(self, text):
        self.send(type="say", text=text)

    def expect(self, type):
        """Return the next frame of this type; pass others over."""
        while (frame := json.loads(self.socket.recv(timeout=30)))["type"] != type:
            pass
        return frame

    def expect_people(self, *names):
        while self.expect("people")["people"] != [*names]:
            pass

    def vanish(self):
        """End the connection as a crash does: with no closing handshake."""
        socket = self.socket.socket
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        socket.shutdown(2)
        socket.close()


class ChatTests(ChatTestCase):
    def test_talk(self):
        """What one says comes to everybody in the room, themselves too."""
        ada, grace = self.join("Ada"), self.join("Grace")
        ada.say(" Hello, <b>Grace</b> ✓ ")
        for visitor in (ada, grace):
            message = visitor.expect("message")
            self.assertEqual(message["name"], "Ada")
            self.assertEqual(message["text"], "Hello, <b>Grace</b> ✓")

    def test_half_a_character(self):
        """A browser sends one where it has cut an emoji at its length."""
        ada = self.join("Ada \ud83d")
        self.assertEqual(ada.welcome["name"], "Ada ?")
        ada.say("so far \ud83d")
        self.assertEqual(ada.expect("message")["text"], "so far ?")

    def test_rooms_are_apart(self):
        ada = self.join("Ada")
        grace = self.join("Grace", room=self.new_room("東京 Garden"))
        self.assertEqual(grace.welcome["people"], ["Grace"])
        grace.say("over here")
        grace.expect("message")
        ada.say("and here")
        self.assertEqual(ada.expect("message")["text"], "and here")

    def test_history(self):
        """Who comes later gets what was said; a room keeps 100 messages."""
        ada = self.join("Ada")
        for number in range(103):
            ada.say(f"message {number}")
        for _ in range(103):
            ada.expect("message")
        messages = self.join("Grace").welcome["messages"]
        self.assertEqual(
            [message["text"] for message in messages],
            [f"message {number}" for number in range(3, 103)],
        )
        with self.database() as connection:
            query = "SELECT count(*) FROM chat_message WHERE text LIKE 'message %'"
            self.assertEqual(connection.execute(query).fetchone(), (100,))

    def test_people_come_and_go(self):
        ada = self.join("Ada")
        grace = self.join("Grace")
        self.assertEqual(grace.welcome["people"], ["Ada", "Grace"])
        ada.expect_people("Ada", "Grace")
        grace.send(type="join", name="Rear Admiral")
        ada.expect_people("Ada", "Rear Admiral")
        grace.socket.close()
        ada.expect_people("Ada")

    def test_two_tabs_of_one_person(self):
        """A name stays until its last socket goes."""
        ada, tab, other_tab = (self.join(name) for name in ("Ada", "Bob", "Bob"))
        self.assertEqual(other_tab.welcome["people"], ["Ada", "Bob"])
        ada.expect_people("Ada", "Bob")
        tab.socket.close()
        # Bob is still here, so the next frame says that Cleo came.
        self.join("Cleo")
        self.assertEqual(ada.expect("people")["people"], ["Ada", "Bob", "Cleo"])
        other_tab.socket.close()
        ada.expect_people("Ada", "Cleo")

    def test_a_connection_that_breaks(self):
        ada, grace = self.join("Ada"), self.join("Grace")
        ada.expect_people("Ada", "Grace")
        grace.vanish()
        ada.expect_people("Ada")

    def test_many_come_and_go_at_once(self):
        """However the changes cross, what is heard last is how it is."""
        ada = self.join("Ada")
        crowd = [self.join(f"Visitor {number:02}") for number in range(30)]
        ada.expect_people("Ada", *(visitor.name for visitor in crowd))
        for visitor in crowd[1:]:
            visitor.vanish()
        ada.expect_people("Ada", "Visitor 00")
        with self.assertRaises(TimeoutError):
            ada.socket.recv(timeout=0.5)

    def test_people_of_a_server_that_crashed(self):
        """
        Nobody could take those down whose server died. They go with the first
        sign of life of the others after 90 seconds.
        """
        ada = self.join("Ada")
        with self.database() as connection:
            # The people of the test before may be leaving yet.
            connection.execute(
                "INSERT INTO chat_presence (channel, room_id, name, seen) "
                "SELECT 'gone', id, 'Ghost', datetime('now', '-91 seconds') "
                "FROM chat_room WHERE slug = ?",
                [self.room.split("/")[2]],
            )
        grace = self.join("Grace")
        self.assertNotIn("Ghost", grace.welcome["people"])
        with self.database() as connection:
            connection.execute(
                "UPDATE chat_presence SET seen = datetime('now', '-91 seconds') "
                "WHERE name = 'Grace'"
            )
        ada.send(type="here")
        ada.expect_people("Ada")
        # She was silent for long, but is there.
        grace.send(type="here")
        ada.expect_people("Ada", "Grace")

    def test_no_such_room(self):
        for path in ("/rooms/nowhere/", "/", "/nothing/"):
            with self.subTest(path=path), self.assertRaises(InvalidStatus) as caught:
                with open_websocket(self.project.url(path, "ws")):
                    pass
            self.assertEqual(caught.exception.response.status_code, 404)
        with self.assertRaises(HTTPError) as caught:
            urlopen(self.project.url("/rooms/nowhere/"), timeout=30)
        caught.exception.close()
        self.assertEqual(caught.exception.code, 404)

    def test_frames_that_make_no_sense(self):
        """They close the socket that they came on, and none else."""
        ada = self.join("Ada")
        frames = ["", "{", "[]", "{}", b"\xff", '{"type": "say"}', '{"type": []}']
        frames += ['{"type": "join", "name": " "}', '{"type": "say", "text": 3}']
        frames += ["[" * 100_000]
        for frame in frames:
            with self.subTest(frame=frame):
                client = self.join("Eve")
                client.socket.send(frame)
                with self.assertRaises(ConnectionClosed) as caught:
                    client.expect("nothing")
                self.assertEqual(caught.exception.rcvd.code, 1008)
        ada.say("still here")
        ada.expect("message")

    def test_nobody_speaks_before_joining(self):
        with open_websocket(self.project.url(self.room, "ws")) as socket:
            socket.send('{"type": "say", "text": "hello"}')
            with self.assertRaises(ConnectionClosed):
                socket.recv(timeout=30)

    def test_nothing_went_wrong(self):
        """No consumer fails over all this."""
        self.join("Ada").vanish()
        self.assertNotIn("Traceback", self.project.printed())

    def test_server_crashes(self):
        """After a crash people come back to their room and what was said."""
        ada = self.join("Ada")
        ada.say("before")
        ada.expect("message")
        self.project.crash()
        self.project.serve()
        ada = self.join("Ada")
        self.assertEqual([m["text"] for m in ada.welcome["messages"]], ["before"])
        self.assertEqual(ada.welcome["people"], ["Ada"])

    def test_server_stops(self):
        """People leave when the server is stopped as it should be."""
        self.join("Ada")
        self.project.stop()
        with self.database() as connection:
            query = (
                "SELECT count(*) FROM chat_presence JOIN chat_room ON room_id = "
                "chat_room.id WHERE chat_room.name = 'test server stops'"
            )
            self.assertEqual(connection.execute(query).fetchone(), (0,))
        self.project.serve()


class BrowserTests(ChatTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chrome = enter_for_class(cls, chromium())

    def open(self, name, room=None):
        """Open the room in a new tab and join under this name."""
        tab = Tab(self.chrome, self.project.url(quote(room or self.room, "/%")))
        self.addCleanup(self.close, tab)
        tab.find("#name").clear()
        tab.find("#name").send_keys(name + "\n")
        self.wait(tab, "#status", ["Connected"])
        return tab

    def close(self, tab):
        if tab.handle in self.chrome.window_handles:
            tab.close()

    def wait(self, tab, selector, texts):
        wait_for(lambda: tab.texts(selector) == texts, f"{texts} in {selector}")

    def say(self, tab, text):
        tab.find("#text").send_keys(text + "\n")

    def complaints(self):
        """Return what the console got to say against the page since last."""
        return [
            entry["message"]
            for entry in self.chrome.get_log("browser")
            if entry["level"] in ("SEVERE", "WARNING")
        ]

    def test_two_tabs(self):
        """Two people in two tabs see each other and what they say."""
        self.complaints()
        ada, grace = self.open("Ada"), self.open("Grace")
        for tab in (ada, grace):
            self.wait(tab, ".person .name", ["Ada", "Grace"])
            self.wait(tab, "#people-count", ["2"])
        said = ["Is this on?", "<img src=x onerror=alert(1)> it is"]
        self.say(ada, said[0])
        self.wait(grace, ".message .text", said[:1])
        self.say(grace, said[1])
        for tab in (ada, grace):
            self.wait(tab, ".message .text", said)
            self.assertEqual(tab.texts(".message .name"), ["Ada", "Grace"])
        self.assertEqual(ada.texts(".mine .text"), said[:1])
        self.assertEqual(grace.texts(".mine .text"), said[1:])
        grace.close()
        self.wait(ada, ".person .name", ["Ada"])
        self.assertEqual(self.complaints(), [])

    def test_tab_crashes(self):
        ada, grace = self.open("Ada"), self.open("Grace")
        self.wait(ada, ".person .name", ["Ada", "Grace"])
        grace.crash()
        self.wait(ada, ".person .name", ["Ada"])

    def test_change_of_name(self):
        ada, grace = self.open("Ada"), self.open("Grace")
        self.say(ada, "hello")
        self.wait(ada, ".mine .text", ["hello"])
        ada.find("#rename").click()
        ada.find("#name").clear()
        ada.find("#name").send_keys("Countess\n")
        for tab in (ada, grace):
            self.wait(tab, ".person .name", ["Countess", "Grace"])
        self.assertEqual(ada.texts("#my-name"), ["Countess"])
        # What Ada said is hers, and she is somebody else now.
        self.assertEqual(ada.texts(".mine .text"), [])

    def test_reload(self):
        """A tab that is reloaded keeps its name and shows the history."""
        ada = self.open("Ada")
        self.say(ada, "hello")
        self.wait(ada, ".message .text", ["hello"])
        self.chrome.refresh()
        self.wait(ada, "#status", ["Connected"])
        self.assertEqual(ada.texts(".mine .text"), ["hello"])
        self.assertEqual(ada.texts(".person .name"), ["Ada"])

    def test_server_restarts(self):
        """The page says so, comes back by itself, and loses no message."""
        ada, grace = self.open("Ada"), self.open("Grace")
        self.say(ada, "before")
        self.wait(grace, ".message .text", ["before"])
        self.project.crash()
        for tab in (ada, grace):
            wait_for(
                lambda: tab.find("#status").get_attribute("data-state") == "lost",
                "the page to notice",
            )
        ada.find("#text").send_keys("typed meanwhile\n")
        self.project.serve()
        for tab in (ada, grace):
            self.wait(tab, "#status", ["Connected"])
            self.wait(tab, ".person .name", ["Ada", "Grace"])
            self.assertEqual(tab.texts(".message .text"), ["before"])
        ada.find("#send").click()
        for tab in (ada, grace):
            self.wait(tab, ".message .text", ["before", "typed meanwhile"])

    def test_index(self):
        """Rooms are listed with how many are in them, and a form opens more."""
        self.open("Ada")
        tab = Tab(self.chrome, self.project.url("/"))
        self.addCleanup(self.close, tab)
        self.assertIn("Lobby", tab.texts(".card-name"))
        self.assertIn("1 here", tab.texts(".badge"))
        tab.find("#id_name").send_keys("!\n")
        self.wait(tab, ".error", ["A name needs a letter or a digit."])
        tab.find("#id_name").clear()
        tab.find("#id_name").send_keys("Reading room\n")
        self.wait(tab, ".room-header h1", ["Reading room"])

    def test_screenshots(self):
        """How it looks, light and dark, wide and narrow, is kept to look at."""
        # One of its own: only what belongs there is to be seen.
        self.project = self.stack.enter_context(Project(CHAT, MIGRATE))
        self.room = "/rooms/lobby/"
        ada = self.open("Ada Lovelace")
        others = {}
        for name, text in CONVERSATION:
            if name == "Ada Lovelace":
                self.say(ada, text)
            else:
                if name not in others:
                    others[name] = self.join(name)
                others[name].say(text)
            self.wait(ada, ".message:last-child .text", [text])
        self.wait(ada, "#people-count", [str(len(others) + 1)])
        ada.find("#text").send_keys("Then that is settled")
        index = Tab(self.chrome, self.project.url("/"))
        newcomer = Tab(self.chrome, self.project.url(self.room))
        for tab in (index, newcomer):
            self.addCleanup(self.close, tab)
        pages = {"room": ada, "index": index, "name": newcomer}
        sizes = {"wide": (1280, 800), "narrow": (390, 780)}
        for page, tab in pages.items():
            for size, pixels in sizes.items():
                tab.resize(*pixels)
                for scheme in ("light", "dark"):
                    tab.prefer(scheme)
                    tab.screenshot(SCREENSHOTS / f"chat-{page}-{size}-{scheme}.png")
                    self.assertFits(tab)

    def assertFits(self, tab):
        """Nothing of the page is out of sight to the right."""
        tab.switch()
        width, available = self.chrome.execute_script(
            "const page = document.documentElement;"
            "return [page.scrollWidth, page.clientWidth]"
        )
        self.assertLessEqual(width, available)


CONVERSATION = [
    ("Grace", "Morning, all. Did the new build make it to the workshop?"),
    ("Ada Lovelace", "It did, around nine."),
    ("Ada Lovelace", "The sockets stayed open through the restart. I was watching."),
    ("Mary Jackson", "Same here: one reconnect, and every message still in place."),
    (
        "Grace",
        "Lovely. I'd like to write down what we tried before it fades:\n"
        "1. close a tab\n2. kill a tab\n3. pull the plug on the server",
    ),
    ("Grace", "In all three the list on the left came right by itself."),
    ("Karen", "Even the third? <em>How?</em>"),
    (
        "Ada Lovelace",
        "Membership of the group goes with the socket, and the list is kept honest by "
        "a sign of life that each page gives now and then.",
    ),
    ("Karen", "Nice and dull, just as it should be."),
    ("Mary Jackson", "Lunch at half past twelve?"),
    ("Grace", "Yes please."),
]
