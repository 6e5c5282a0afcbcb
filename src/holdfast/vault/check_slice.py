"""Proves the data of a vault's packs a few at a time, each slice behind the one before: for checks over weeks."""

from collections.abc import Iterator

from holdfast.errors import NotFound, VaultError
from holdfast.vault.check_manifests import CustomerManifests, check_manifests
from holdfast.vault.check_packs import PackReport, check_pack, pack_infos
from holdfast.vault.extent import Extent
from holdfast.vault.vault import CustomerVault, Vault


def check_behind(vault: Vault, after: str) -> Iterator[PackReport]:
    """The reports of all packs behind the one named, in the order of a check. Take as many as there is time for.

    Customers whose keys do not open are left out: a check of the structure names them.
    """
    extent = Extent(after=after)
    for customer_id in vault.customers():
        try:
            customer = vault.customer(customer_id)
        except (NotFound, VaultError):
            continue
        yield from _check_customer(customer, extent)


def _check_customer(customer: CustomerVault, extent: Extent) -> Iterator[PackReport]:
    said: CustomerManifests | None = None
    for info in pack_infos(customer):
        if not extent.is_behind(info.name):
            continue
        if said is None:
            said = CustomerManifests()
            for _ in check_manifests(customer, lambda _: None, said):
                pass  # a check of the structure tells of these
        yield check_pack(customer, info, said.origins.get(info.name.rpartition("/")[2]), data=True)
