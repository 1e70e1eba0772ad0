from django.channels import Channel, Group


@Channel.consumer("django.websocket.connect")
def ws_connect(path, send_channel, **kwargs):
    Group("chatroom").add(send_channel)


@Channel.consumer("django.websocket.receive")
def ws_receive(channel, send_channel, content, binary, **kwargs):
    if not binary:
        Group("chatroom").send(content=content, binary=False)


@Channel.consumer("django.websocket.disconnect")
def ws_disconnect(channel, send_channel, **kwargs):
    Group("chatroom").discard(send_channel)
