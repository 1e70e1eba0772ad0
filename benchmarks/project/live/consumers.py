"""An echo, and a group of all sockets of a path, as the documentation has them."""

from django.channels import Channel, Group


@Channel.consumer("websocket.connect")
def connect(reply_channel, path):
    if path == "/group/":
        Group("everybody").add(reply_channel)


@Channel.consumer("websocket.receive")
def receive(reply_channel, path, content):
    if path == "/group/":
        Group("everybody").send(content=content)
    else:
        Channel(reply_channel).send(content=content)
