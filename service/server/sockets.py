"""Listening sockets: one for each worker, held open by the supervisor; what waits in one survives its worker."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys
from contextlib import suppress

BACKLOG = 2048  # connections that may wait; the kernel's own bound, net.core.somaxconn, holds too
SO_ATTACH_FILTER = 26  # Linux, asm-generic/socket.h
# A classic BPF program over the TCP header: a packet with the SYN flag is dropped, any other passes.
DROP_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` sockets that listen on the same address; the kernel spreads connections over them.

    Elsewhere than on Linux, where it would not, they are one and the same.

    Raises:
        OSError: The address is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # SO_REUSEPORT alone would share the port with another service that has it: so see first whether it is free.
    with socket.create_server((host, port), family=family) as probe:
        port = probe.getsockname()[1]
    if sys.platform != "linux":
        return [socket.create_server((host, port), family=family, backlog=BACKLOG)] * count
    return [socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True) for _ in range(count)]


def stop_new_connections(listener: socket.socket) -> None:
    """Let nobody else begin a connection; who has begun one is still taken in, and its request answered.

    Closing a listening socket resets all connections that wait in it. Whoever asks from now on gets no answer, and a
    refusal when the socket is closed a moment later: no request is lost that could have been sent.
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in DROP_SYN))
    pointer = struct.pack("HL", len(DROP_SYN), ctypes.addressof(program))
    with suppress(PermissionError):  # some kernels want CAP_NET_ADMIN; who has just connected may be reset there
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
