import redis

from django.channels import Channel
from django.conf import settings

redis_conn = redis.Redis.from_url(settings.REDIS_URL)


@Channel.consumer("django.websocket.connect")
def ws_connect(path, send_channel, **kwargs):
    redis_conn.sadd("chatroom", send_channel)


@Channel.consumer("django.websocket.receive")
def ws_receive(channel, send_channel, content, binary, **kwargs):
    if binary:
        return
    for member in redis_conn.smembers("chatroom"):
        Channel(member).send(content=content, binary=False)


@Channel.consumer("django.websocket.disconnect")
def ws_disconnect(channel, send_channel, **kwargs):
    redis_conn.srem("chatroom", send_channel)
