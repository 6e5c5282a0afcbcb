"""Connections only to addresses that the network policy permits. The check is on the address a socket is about to
connect to, after name resolution, so that neither an IP literal, a redirect nor DNS rebinding gets past it.
"""

import errno
import socket

from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType, TCPConnector

from holdfast.sources.policy import NetworkPolicy

__all__ = ["AddressRefused", "connector"]


class AddressRefused(OSError):
    """The network policy does not allow this address. An OSError, because it is raised inside the connector."""


def connector(policy: NetworkPolicy, *, resolver: AbstractResolver | None = None) -> TCPConnector:
    """A connector that opens sockets only to what `policy` permits. The caller limits the number of connections."""

    def open_socket(address: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = address
        if not policy.permits(str(place[0])):
            raise AddressRefused(
                errno.EACCES, f"the address {place[0]} is not public, and this installation does not allow it"
            )
        return socket.socket(family=family, type=kind, proto=protocol)

    return TCPConnector(limit=0, resolver=resolver, socket_factory=open_socket, ttl_dns_cache=60)
