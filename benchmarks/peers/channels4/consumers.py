"""What live/consumers.py does, as the documentation of Channels 4 has it."""

from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer


class Echo(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
        self.send(text_data=text_data)


class AsyncEcho(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.send(text_data=text_data)


class Everybody(AsyncWebsocketConsumer):
    groups = ["everybody"]

    async def receive(self, text_data=None, bytes_data=None):
        message = {"type": "everybody.say", "content": text_data}
        await self.channel_layer.group_send("everybody", message)

    async def everybody_say(self, event):
        await self.send(text_data=event["content"])
