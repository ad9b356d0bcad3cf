"""How a connection ends: what is still unread in it, whether its client has reset it, and an end that waits."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.server.protocol import BoundedProtocol


class Lingering:
    """The transport of a request whose body has not come: its end waits until the client has seen the answer."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        self.protocol = protocol
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing

    def close(self) -> None:
        """End the connection."""
        self.protocol.linger()


def has_unread(transport: asyncio.Transport) -> bool:
    """Whether the kernel holds bytes that have not been read."""
    descriptor = transport.get_extra_info("socket").fileno()
    unread = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return unread != bytes(4)


def was_reset(transport: asyncio.Transport) -> bool:
    """Whether the client has reset the connection, where nothing more is read from it and so nobody is told."""
    error: int = transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return error != 0
