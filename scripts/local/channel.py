"""Messages between the supervisor and a worker: JSON with its length in front, over a socket pair."""

import json
import socket
import struct
from typing import Any, Final

_LENGTH: Final = struct.Struct(">I")


class ChannelClosed(Exception):
    """The other side is gone."""


def send(channel: socket.socket, message: bytes) -> None:
    """Send one message, JSON already. Raises ChannelClosed."""
    try:
        channel.sendall(_LENGTH.pack(len(message)) + message)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise ChannelClosed from error


def receive(channel: socket.socket) -> Any:
    """The next message. Raises ChannelClosed, and TimeoutError where the socket has a timeout."""
    try:
        (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
        return json.loads(_exactly(channel, length))
    except ConnectionResetError as error:
        raise ChannelClosed from error


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = channel.recv(count - len(data))
        if not part:
            raise ChannelClosed
        data += part
    return bytes(data)
