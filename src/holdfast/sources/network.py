"""Which addresses a source may be at. The check is on the address a socket is about to connect to, after name
resolution, so that neither an IP literal, a redirect nor DNS rebinding gets past it.
"""

import errno
import ipaddress
import socket
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType, TCPConnector

__all__ = ["AddressRefused", "NetworkPolicy", "connector"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Prefixes under which IPv6 carries an IPv4 address in its last 32 bits (NAT64, RFC 6052 and 8215).
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class AddressRefused(OSError):
    """The network policy does not allow this address. An OSError, because it is raised inside the connector."""


@dataclass(frozen=True)
class NetworkPolicy:
    """By default only public addresses: not loopback, link-local, private, shared, multicast or reserved ones."""

    allow_private: bool = False
    """The operator's consent to every address."""
    allowed: tuple[_Network, ...] = ()
    """Networks that are allowed although they are not public."""

    def permits(self, address: str) -> bool:
        """Whether a connection to this address (text, IPv4 or IPv6, a zone index is ignored) is allowed."""
        if self.allow_private:
            return True
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return any(_contains(network, parsed) for network in self.allowed) or _is_public(parsed)


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


def _contains(network: _Network, address: _Address) -> bool:
    return network.version == address.version and address in network


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and any(address in network for network in _NAT64):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved
