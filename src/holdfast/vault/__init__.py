"""The vault: immutable, encrypted objects on a storage, from which everything can be got back. No SQL, no catalog.

`vault` is the facade; docs/vault-format.md says what every byte means.
"""

from holdfast.vault.footers import BlobDescriptor, Footer, Place
from holdfast.vault.keys import RootKey
from holdfast.vault.manifests import EndpointState, ListState, Manifest, Owed
from holdfast.vault.pack_writer import PackWriter
from holdfast.vault.packs import Pack
from holdfast.vault.revisions import Revision, put_revision, read_revisions
from holdfast.vault.vault import CustomerVault, Vault

__all__ = [
    "BlobDescriptor",
    "CustomerVault",
    "EndpointState",
    "Footer",
    "ListState",
    "Manifest",
    "Owed",
    "Pack",
    "PackWriter",
    "Place",
    "Revision",
    "RootKey",
    "Vault",
    "put_revision",
    "read_revisions",
]
