"""Which addresses may be connected to, on the connected address itself."""

import ipaddress
import socket
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from holdfast.sources.network import connector
from holdfast.sources.policy import NetworkPolicy
from tests.support.hostile_source import HostileSource


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1%eth0", "fc00::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "no address",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not NetworkPolicy().permits(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert NetworkPolicy().permits(address)


def test_the_operator_may_allow_networks_or_everything() -> None:
    policy = NetworkPolicy(allowed=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8")))
    assert policy.permits("10.1.2.3")
    assert policy.permits("fd00::5")
    assert not policy.permits("10.2.0.1")
    assert NetworkPolicy(allow_private=True).permits("127.0.0.1")


class _Rebinding(AbstractResolver):
    """A name server that an attacker owns."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [_result(host, address, port) for address in self.addresses]

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = addresses

    async def close(self) -> None:
        pass


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["127.0.0.1", "127.0.0.2"]])
async def test_a_name_that_leads_to_a_private_address_is_refused_before_connecting(addresses: list[str]) -> None:
    async with HostileSource() as api:
        port = api.url.rpartition(":")[2]
        transport = connector(NetworkPolicy(), resolver=_Rebinding(addresses))
        async with aiohttp.ClientSession(connector=transport) as session:
            for host in ("public.example", "127.0.0.1"):
                with pytest.raises(aiohttp.ClientConnectorError) as caught:
                    await session.get(f"http://{host}:{port}/none/x")
                assert "this installation does not allow it" in str(caught.value.os_error)
        assert not api.log


async def test_a_permitted_address_is_connected_to() -> None:
    async with HostileSource({"items": []}) as api:
        policy = NetworkPolicy(allowed=(ipaddress.ip_network("127.0.0.0/8"),))
        async with (
            aiohttp.ClientSession(connector=connector(policy)) as session,
            session.get(f"{api.url}/none/items") as answer,
        ):
            assert await answer.json() == []
