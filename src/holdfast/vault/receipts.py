"""Receipts: what a run read and stored, signed with Ed25519, so that others can check it without the vault.

A receipt file is one JSON object: `receipt` (what is said), `public_key` and `signature` (hexadecimal). The signature
is over the receipt in its one canonical form: keys sorted, no white space, UTF-8. Every receipt names the SHA-256 of
the one before it of the same instance, so that none can be taken out or put in between.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holdfast.errors import Damaged, InputError
from holdfast.storage import Storage
from holdfast.vault import envelope, names
from holdfast.vault.keys import CustomerKeys, derive
from holdfast.vault.putting import put_document

_PURPOSE = "receipt"
_PARTS = ("new", "changed", "unchanged", "repeated", "tombstones", "skipped", "lost")
"""What every listed record is one of."""


class SignedReceipt(msgspec.Struct, frozen=True, kw_only=True):
    receipt: dict[str, Any]
    public_key: str
    signature: str

    @property
    def sha256(self) -> str:
        """What the next receipt names as its predecessor."""
        return hashlib.sha256(_canonical(self.receipt)).hexdigest()

    def encode(self) -> bytes:
        """The file: the same receipt always gives the same bytes."""
        return msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=2)


class _Shown(msgspec.Struct):
    """A report beside the restore that it is about."""

    report: msgspec.Raw = msgspec.Raw(b"")


def sign(installation: CustomerKeys, receipt: dict[str, Any]) -> SignedReceipt:
    """Sign with the installation's key, which is the same for a vault's whole life."""
    private = _private_key(installation)
    return SignedReceipt(
        receipt=msgspec.json.decode(_canonical(receipt)),  # as whoever reads it has it: lists, no tuples
        public_key=private.public_key().public_bytes_raw().hex(),
        signature=private.sign(_canonical(receipt)).hex(),
    )


def public_key(installation: CustomerKeys) -> str:
    """The key that all receipts of this vault are checked with, hexadecimal."""
    return _private_key(installation).public_key().public_bytes_raw().hex()


def verify(data: bytes, expected_key: str | None = None) -> SignedReceipt:
    """Check a receipt file, or what `holdfast restores NAME ID --json` prints.

    `expected_key` is the vault's public key, known from elsewhere.

    Without it the receipt is only consistent: anybody could have signed it. Raises InputError that says what is wrong.
    """
    try:
        within = msgspec.json.decode(data, type=_Shown).report
        signed = msgspec.json.decode(within or data, type=SignedReceipt)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.public_key))
        key.verify(bytes.fromhex(signed.signature), _canonical(signed.receipt))
    except InvalidSignature as error:
        raise InputError(
            "the signature does not fit: the receipt was changed after it was signed", code="receipt_invalid"
        ) from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise InputError(f"this is no receipt: {error}", code="receipt_invalid") from error
    if expected_key is not None and signed.public_key != expected_key.strip().lower():
        raise InputError(
            f"the receipt was signed by another key: {signed.public_key}",
            hint="`holdfast receipt key` prints the key of a vault.",
            code="receipt_invalid",
        )
    return signed


def contradictions(receipt: Mapping[str, Any]) -> list[str]:
    """What in a receipt, or in the report of a restore, does not agree with itself, in words: counts that do not add
    up, a success that lacks a thing.

    Counts that a receipt does not have (those of an earlier Holdfast) are not held against it.
    """
    if is_of_restore(receipt):
        return _contradictions_of_restore(receipt)
    found: list[str] = []
    success = receipt.get("status") == "successful"
    for one in receipt.get("endpoints", ()):
        name = one.get("endpoint")
        parts = {part: one.get(part, 0) for part in _PARTS}
        if "lost" in one and one["listed"] != sum(parts.values()):
            told = ", ".join(f"{count} {part}" for part, count in parts.items() if count)
            found.append(
                f"{name}: {one['listed']} records were listed, but {told or 'nothing'} makes {sum(parts.values())}"
            )
        for each in one.get("lists", ()):
            counted, listed = each.get("counted"), each.get("found")
            if each.get("complete") and counted is not None and not counted[0] <= listed <= counted[1]:
                of_parent = f" of {each['parent']}" if each.get("parent") else ""
                found.append(
                    f"{name}{of_parent}: the source counted {counted[0]} to {counted[1]} records, {listed} were found"
                )
        if success and one.get("outcome") != "complete":
            found.append(f"{name}: a successful backup has read it to its end, but this one says {one.get('outcome')}")
        if success and (one.get("lost") or one.get("held")):
            found.append(f"{name}: a successful backup has nothing lost and nothing held")
    if success and (receipt.get("debts") or receipt.get("failures")):
        found.append("a successful backup owes nothing and has no failures")
    return found


def is_of_restore(receipt: Mapping[str, Any]) -> bool:
    """Whether this is the report of a restore, not the receipt of a backup: both are signed alike."""
    return "holdfast_restore" in receipt


def _contradictions_of_restore(report: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    counters = report.get("counters", {})
    told = sum(counters.get(name, 0) for name in ("created", "updated", "undeleted", "failed", "waiting"))
    if told != len(report.get("records", ())):
        found.append(f"{told} records were written or failed, but {len(report.get('records', ()))} are told of")
    lacks = [name for name in ("failed", "differ") if counters.get(name)]
    if report.get("status") == "successful" and (lacks or report.get("failures")):
        found.append("a successful restore has nothing that failed, and nothing that differs")
    lacks += [name for name in ("impossible", "without_blob") if counters.get(name)]
    if report.get("complete") and (lacks or report.get("status") != "successful"):
        found.append("a complete restore is successful, and has nothing that is impossible or without its blob")
    return found


def put(storage: Storage, keys: CustomerKeys, customer_id: int, signed: SignedReceipt) -> None:
    """Store a receipt. The same one again is a success; another one of the same run raises ObjectExists."""
    instance_id, sequence = signed.receipt["instance_id"], signed.receipt["backup_number"]
    name = names.receipt(customer_id, instance_id, sequence)
    sealed = envelope.seal_document(keys, _PURPOSE, name, signed.encode())
    put_document(storage, name, sealed, lambda there: decode(keys, name, there) == signed)


def read(storage: Storage, keys: CustomerKeys, customer_id: int, instance_id: int, sequence: int) -> SignedReceipt:
    """Raises ObjectMissing, Damaged."""
    name = names.receipt(customer_id, instance_id, sequence)
    return decode(keys, name, storage.get(name))


def decode(keys: CustomerKeys, name: str, data: bytes) -> SignedReceipt:
    """Raises Damaged."""
    try:
        signed = verify(envelope.unseal_document(keys, _PURPOSE, name, data))
    except InputError as error:
        raise Damaged(f"{name} cannot be read as a receipt: {error}", object_name=name) from error
    if name.rsplit("/", 2)[1:] != [
        str(signed.receipt.get("instance_id")),
        f"{signed.receipt.get('backup_number'):010}",
    ]:
        raise Damaged(f"{name} holds another run's receipt", object_name=name)
    return signed


def _private_key(installation: CustomerKeys) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(installation.digest, "receipt/ed25519"))


def _canonical(receipt: dict[str, Any]) -> bytes:
    return msgspec.json.encode(receipt, order="sorted")
