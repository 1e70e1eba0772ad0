"""A WebSocket on a connection: Autobahn's protocol as a conversation's edge."""

from functools import partial

from .close_codes import (
    ABNORMAL,
    INVALID_DATA,
    MESSAGE_TOO_BIG,
    NO_CODE,
    POLICY_VIOLATION,
)
from .edge import SocketEdge
from .frames import LONGEST, plain_message
from .framing import WebSocketServerProtocol
from .opening import Opening
from .outlet import Outlet
from .payload import truncated
from .quiet_log import QuietLog

# A fragment with fewer bytes, or a control frame, takes longer to look at than to
# send. Whole messages have a limit of their own: see Conversation.
SMALL = 128


class WebSocketConnection(Opening, SocketEdge, WebSocketServerProtocol):
    """One WebSocket on a connection that it has taken over."""

    log = QuietLog()
    outlet = None
    # What compresses a frame, once that is agreed on.
    compressed = None
    # The longest plain message; WebSocketFactory knows the limits.
    longest = LONGEST
    _owed_pong = None
    _small_frames = 0
    # Nothing more is heard: too many of them have come, or it ends.
    _deaf = False
    # The call that ends the connection if it doesn't end in good order.
    _ending = None
    _reading = True
    _lost = False

    def __init__(self, sockets, content):
        SocketEdge.__init__(self, sockets, content)

    # Autobahn's and Twisted's side.

    def connectionMade(self):
        self.outlet = Outlet(self.transport, self._blocked, self._drained)
        # Not Autobahn's for Twisted: it asks the transport what is known here.
        self._connectionMade()

    def _read(self, data):
        """
        Pass on the messages that take no more than a look, and let Autobahn
        read from the first one on that does. It keeps what there is no room for.
        """
        if self._deaf:
            return
        start = 0
        # Where nothing is left of a message that Autobahn has begun to read.
        if self.state == self.STATE_OPEN and not (
            self.data or self.inside_message or self.current_frame is not None
        ):
            while start < len(data) and self._reading and self.state == self.STATE_OPEN:
                content, end = plain_message(data, start, self.longest)
                if content is None:
                    break
                start = end
                self.conversation.received(content, type(content) is bytes)
        if start < len(data):
            self._dataReceived(data[start:])

    def processData(self):
        # What has come behind frames that wait for their consumers waits as bytes.
        return (
            self._reading or self.state != self.STATE_OPEN
        ) and super().processData()

    def onFrameBegin(self):
        frame = self.current_frame
        whole = frame.fin and 0 < frame.opcode < 8
        if frame.length < SMALL and not whole:
            self._small_frames += 1
            if self._small_frames > self.sockets.limits.small_frames:
                self._deaf = True
                reason = b"too many small frames"
                self.sendCloseFrame(code=POLICY_VIOLATION, reasonUtf8=reason)
                # Not even what has come in already: thousands of them do at once.
                self.data = b""
        super().onFrameBegin()

    def sendData(self, data, sync=False, chopsize=None):
        self.outlet.write(data)

    def unregisterProducer(self):
        # Autobahn does that before _closeConnection(), where it may be too early.
        pass

    def _closeConnection(self, abort=False):
        # Where the client has said close, too, a reset could only take from it
        # what was sent last.
        abort = abort and not self.wasClean
        self._deaf = True
        if not abort:
            # A client may read no further, or, with TLS, never end its side.
            self._ending = self.call_later(
                self.sockets.limits.close_timeout, self.transport.abortConnection
            )
        if self.outlet.blocked and self.wasClean:
            # The client has closed amid what it reads; no frame of that is cut.
            return
        self.outlet.close()
        if not (abort or self.transport.disconnecting):
            # With TLS, the client's end of it is still to be read.
            self.transport.resumeProducing()
        super()._closeConnection(abort)

    def onOpen(self):
        # Before what came with the handshake is read.
        if self.websocket_extensions_in_use:
            from .compression import Inflater, compressed

            largest = self.sockets.limits.message_size
            self._perMessageCompress = Inflater(
                largest,
                partial(self._fail, MESSAGE_TOO_BIG, f"more than {largest} bytes"),
                partial(self._fail, INVALID_DATA, "can't be inflated"),
            )
            self.compressed = compressed

    def onMessageBegin(self, isBinary):
        if self._perMessageCompress is not None:
            # Autobahn would count what is still to be inflated; the Inflater counts
            # what has been.
            largest = self.sockets.limits.message_size
            self.maxMessagePayloadSize = 0 if self.current_frame.rsv else largest
        super().onMessageBegin(isBinary)

    def _fail(self, code, reason):
        if not self.failedByMe:
            self._fail_connection(code, reason)

    def onMessage(self, payload, isBinary):
        self.conversation.received(payload if isBinary else payload.decode(), isBinary)

    def connectionLost(self, reason):
        self._lost = True
        if self._ending is not None and self._ending.active():
            self._ending.cancel()
        self.drop_handshake()
        self.held.clear()
        super().connectionLost(reason)

    def onClose(self, wasClean, code, reason):
        if wasClean and self.failedByMe:
            # The client's fault may be its close: Autobahn takes that for a 1000.
            code, reason = self.localCloseCode, ""
        code = (NO_CODE if code is None else code) if wasClean else ABNORMAL
        if self._answered == 101:
            self.sockets.access.disconnect(self.content["path"], code, self)
        self.conversation.lost(code, (reason or "") if wasClean else "")

    def onPing(self, payload):
        if self.outlet.blocked:
            # Only the last one is answered (RFC 6455 section 5.5.3): a client
            # that pings and doesn't read could fill the memory.
            self._owed_pong = payload
        else:
            super().onPing(payload)

    def _sendAutoPing(self):
        # What a client doesn't take, TCP sends again already.
        if not self.outlet.blocked:
            super()._sendAutoPing()
        # Autobahn would wait for the client's answer before it pings again.
        self.autoPingPending = None
        self.autoPingPendingCall = self.call_later(
            self.autoPingInterval, self._sendAutoPing
        )

    def _blocked(self):
        pass

    def _drained(self):
        if self._ending is not None:
            self.outlet.close()
            self.transport.loseConnection()
            return
        if self._owed_pong is not None and self.state == self.STATE_OPEN:
            self.sendPong(self._owed_pong)
        self._owed_pong = None
        self._write_held()

    # The conversation's edge.

    def write(self, frame):
        if self.compressed is not None:
            frame = self.compressed(frame)
        if self.held or self.outlet.blocked or self._decision is not None:
            self.held.append(frame)
        elif self.state == self.STATE_OPEN:
            self.outlet.write(frame)

    def close(self, code, reason):
        self._write_held(all_of_it=True)
        reason = truncated(reason, 123)
        self.sendCloseFrame(code=code, reasonUtf8=reason)

    def pause(self):
        # When it ends, nothing is heard, but its end must be.
        if self._reading and not self._deaf:
            self._reading = False
            self.transport.pauseProducing()

    def resume(self):
        if not self._reading:
            self._reading = True
            if not self._lost:
                self._read_kept()
                # It may have held the client's close, or more than there is room for.
                if self._reading and not self.transport.disconnecting:
                    self.transport.resumeProducing()

    def call_later(self, delay, function):
        return self.factory.reactor.callLater(delay, function)

    # What the server tells the conversation.

    def shut_down(self):
        self.conversation.shut_down()

    def check(self, now):
        # Called about once a second.
        if self._small_frames:
            self._small_frames = 0

    def _read_kept(self):
        if self.inside_message or self.current_frame is not None:
            self.consumeData()
        elif self.data:
            data, self.data = self.data, b""
            self._read(data)

    def _write_held(self, all_of_it=False):
        while self.held and self.state == self.STATE_OPEN:
            if self.outlet.blocked and not all_of_it:
                return
            self.outlet.write(self.held.pop(0))
