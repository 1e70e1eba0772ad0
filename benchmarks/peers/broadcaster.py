"""
What one says, all hear, with nothing else around it: the limit of what Python
can do. python broadcaster.py HOST PORT
"""

import asyncio
import sys

import uvloop
from picows import WSListener, WSMsgType, ws_create_server

members = set()


class Member(WSListener):
    def on_ws_connected(self, transport):
        members.add(transport)

    def on_ws_disconnected(self, transport):
        members.discard(transport)

    def on_ws_frame(self, transport, frame):
        if frame.msg_type is WSMsgType.TEXT:
            content = frame.get_payload_as_bytes()
            for member in members:
                member.send(WSMsgType.TEXT, content)


async def main(host, port):
    server = await ws_create_server(lambda request: Member(), host, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main(*sys.argv[1:]))
