"""
The chat's sockets: each open page has one, each room is a group of them.

Frames are JSON objects with a "type". The page sends

    {"type": "join", "name": …}    first of all, and to take another name
    {"type": "say", "text": …}
    {"type": "here"}               now and then: it is still there

and gets

    {"type": "welcome", "name": …, "people": […], "messages": […]}
    {"type": "message", "id": …, "name": …, "text": …, "sent": …}
    {"type": "people", "people": […]}    whenever that changes

Any worker may run any of these consumers, so they keep nothing in memory. What
belongs to one socket (its room, its name) is in the connection's ``state``.
"""

import json
from contextlib import contextmanager

from django.channels import Channel
from django.db import transaction
from django.urls import Resolver404, resolve

from .models import Message, Room


@Channel.consumer("websocket.connect")
def connect(reply_channel, path):
    """Let the socket in if it has the path of a room's page."""
    socket = Channel(reply_channel)
    try:
        room = Room.objects.get(slug=resolve(path).kwargs["slug"])
    except (Resolver404, KeyError, Room.DoesNotExist):
        socket.send(status=404)
    else:
        socket.send(accept=True, state={"room": room.pk})


@Channel.consumer("websocket.receive")
def receive(reply_channel, content, state):
    """Do what a frame asks for; close the socket if it makes no sense."""
    socket = Channel(reply_channel)
    room = Room.objects.get(pk=state["room"])
    name = state.get("name")
    match parse(content):
        case {"type": "join", "name": str(new_name)} if new_name.strip():
            join(room, socket, fit(new_name, "name"))
        case {"type": "say", "text": str(text)} if name and text.strip():
            message = room.say(name, fit(text, "text"))
            tell(room.group, "message", **message.as_dict())
        case {"type": "here"} if name:
            with changing_people(room):
                room.arrive(socket, name)
        case _:
            socket.send(close=1008, reason="That isn't a frame of this chat.")


@Channel.consumer("websocket.disconnect")
def disconnect(reply_channel):
    """
    Note that somebody has left. The group needs nothing: its members go when
    their sockets do.
    """
    for room in Room.objects.filter(presences__channel=reply_channel):
        with changing_people(room):
            room.leave(Channel(reply_channel))


def join(room, socket, name):
    """Bring the socket into the room under this name."""
    socket.send(state={"name": name})
    with changing_people(room):
        room.arrive(socket, name)
        room.group.add(socket)
        messages = [message.as_dict() for message in room.messages.all()]
        tell(socket, "welcome", name=name, people=room.people(), messages=messages)


@contextmanager
def changing_people(room):
    """
    Tell the room who is here if the block changes that.

    It is told before the lock is released, so that of two changes at once the
    later one is the last that everybody hears of.
    """
    with transaction.atomic():
        Room.objects.select_for_update().get(pk=room.pk)
        before = room.people()
        yield
        after = room.people()
        if after != before:
            tell(room.group, "people", people=after)


def tell(whom, type, **values):
    """Send a frame to a socket, or to every socket of a group."""
    whom.send(content=json.dumps({"type": type, **values}))


def parse(content):
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def fit(value, field):
    """
    Cut a text to the length that the field of a message has. Half a character,
    as browsers send where they have cut one, becomes a question mark.
    """
    value = value.encode(errors="replace").decode()
    return value.strip()[: Message._meta.get_field(field).max_length].strip()
