"""Which addresses a source may be at. `network` asks this of every address a socket is about to connect to."""

import ipaddress
from dataclasses import dataclass

__all__ = ["NetworkPolicy"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Prefixes under which IPv6 carries an IPv4 address in its last 32 bits (NAT64, RFC 6052 and 8215).
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


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
