#!/usr/bin/env python3
"""Reads a Holdfast vault in a folder with its root key, without Holdfast: written from docs/vault-format.md alone.

    pip install cryptography blake3 zstandard
    read_vault.py FOLDER KEYFILE list                     every version of every record, run by run
    read_vault.py FOLDER KEYFILE extract OUT [--run N]    records and blobs of every instance as they were after run N

`list`: customer, instance, run, endpoint, key, length, blob. `extract`: OUT/<customer>/<instance>/<endpoint>.jsonl with
key, blob and record; OUT/<customer>/blobs/<id>. Everything is authenticated and compared; it stops at what is wrong.
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
from pathlib import Path
from urllib.parse import quote

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Wrong(Exception):
    """Something in the vault is not as docs/vault-format.md says."""


def hkdf(secret: bytes, purpose: str, salt: bytes = b"") -> bytes:
    return HKDF(SHA256(), 32, salt, b"holdfast/1/" + purpose.encode()).derive(secret)


def decrypt(key: bytes, nonce: int, sealed: bytes, associated: bytes, what: str) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce.to_bytes(12, "big"), sealed, associated)
    except (InvalidTag, ValueError):
        raise Wrong(f"{what} is damaged") from None


def decompress(data: bytes, what: str, size: int | None = None, dictionary: bytes | None = None) -> bytes:
    content = dictionary and zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    raw = zstandard.ZstdDecompressor(dict_data=content).decompress(data)
    if size not in (None, len(raw)):
        raise Wrong(f"{what} has another length than the directory says")
    return raw


def digest(key: bytes, content: bytes) -> bytes:
    return blake3(content, key=key).digest(16)


def parse_root_key(text: str) -> bytes:
    prefix, body, check = text.strip().lower().split(":")
    key = base64.b32decode(body.upper() + "====")
    if hashlib.sha256(prefix.encode() + b":" + key).digest()[:5] != base64.b32decode(check.upper()):
        raise Wrong("the root key is mistyped")
    return key


KINDS = ("bytes", "number", "text", "list", "map")
LAYOUTS = zip((0xC4, 0xCC, 0xD9, 0xDC, 0xDE), KINDS, ("BHI", "BHIQ", "BHI", "HI", "HI"), strict=True)
FORMS = {first + i: (kind, ">" + form) for first, kind, forms in LAYOUTS for i, form in enumerate(forms)}


def unpack(data: bytes, at: int = 0):
    """(value, end) of the MessagePack value at `at`, as far as footers use it."""
    code, at = data[at], at + 1
    if code == 0xC0:
        return None, at
    if code < 0xC0:
        kind = "number" if code < 0x80 else "map" if code < 0x90 else "list" if code < 0xA0 else "text"
        size = code & {"number": 127, "map": 15, "list": 15, "text": 31}[kind]
    else:
        kind, form = FORMS[code]
        (size,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
    if kind == "number":
        return size, at
    if kind in ("bytes", "text"):
        content = data[at : at + size]
        return content.decode() if kind == "text" else content, at + size
    values = []
    for _ in range(size * (2 if kind == "map" else 1)):
        value, at = unpack(data, at)
        values.append(value)
    return dict(zip(values[::2], values[1::2], strict=True)) if kind == "map" else values, at


class Customer:
    """One customer's secrets, and everything that opens with them."""

    def __init__(self, folder: Path, root_key: bytes, number: int) -> None:
        self.folder, self.number = folder, number
        self._pack, self._parts = ("", b"", b"", []), {}
        root_id = hkdf(root_key, "root-id")[:16]
        for path in sorted((folder / "keys" / str(number)).iterdir()):
            data, name = path.read_bytes(), f"keys/{number}/{path.name}"
            if data[:4] != b"HFK1" or data[20:36] != root_id:
                continue
            try:
                plain = decrypt(hkdf(root_key, "wrap", data[36:52]), 0, data[52:], data[:52] + name.encode(), name)
            except Wrong:
                continue  # the other copy may open
            self.data = [plain[i : i + 32] for i in range(32, len(plain), 32)]
            kinds = ("record", "blob", "chunk")
            self.record_key, self.blob_key, self.chunk_key = (hkdf(plain[:32], f"digest/{kind}") for kind in kinds)
            return
        raise Wrong(f"no key of customer {number} opens with this root key")

    def document(self, name: str, purpose: str) -> dict:
        data = (self.folder / name).read_bytes()
        if data[:4] != b"HFE1":
            raise Wrong(f"{name} does not begin as it must")
        key = hkdf(self.data[int.from_bytes(data[4:6], "big")], purpose, data[6:22])
        return json.loads(decompress(decrypt(key, 0, data[22:], data[:22] + name.encode(), name), name))

    def manifests(self, instance: int, run: int | None = None) -> list[dict]:
        """The newest manifest (up to a run) and its parents, ascending; of each run the highest generation."""
        prefix, noted = f"manifests/{self.number}/{instance}", f"forgotten/{self.number}/{instance}"
        names = {int(path.name[:10]): path.name for path in sorted((self.folder / prefix).iterdir())}
        notes = [self.document(f"{noted}/{number:010}", "forgotten")["runs"] for number in numbers(self.folder / noted)]
        dropped = {one["sequence"] for note in notes for one in note}
        kept = [one for one in names if one not in dropped and (run is None or one <= run)]
        found, wanted = [], max(kept, default=None)
        while wanted is not None:
            found.append(self.document(f"{prefix}/{names[wanted]}", "manifest") if wanted in names else {"format": 0})
            if found[-1].get("format", 1) != 1:
                raise Wrong(f"the manifest of run {wanted} of instance {instance} is missing, or of a later format")
            wanted = found[-1]["parent_sequence"]
        return found[::-1]

    def open_pack(self, pack: str) -> tuple[str, bytes, bytes, list[tuple[int, int, int, int]]]:
        """(id, bytes, key, parts as (start, stored length, raw length, dictionary)). The last part is the footer."""
        if self._pack[0] != pack:
            path = self.folder / "packs" / str(self.number) / pack[:2] / pack
            if not path.exists():
                raise Wrong(f"pack {pack} is missing")
            data = path.read_bytes()
            magic, key_number, customer, identity, length = struct.unpack_from(">4sHQ16sI", data)
            if (magic, customer, identity.hex()) != (b"HFP1", self.number, pack) or key_number >= len(self.data):
                raise Wrong(f"pack {pack} does not begin as it must")
            key, what = hkdf(self.data[key_number], "pack", identity), f"the directory of pack {pack}"
            directory = decrypt(key, 0, data[34 : 34 + length], data[:30] + b"D" + bytes(4), what)
            parts, start = [], 34 + length
            for stored, raw, dictionary in struct.iter_unpack(">III", directory):
                parts.append((start, stored, raw, dictionary))
                start += stored
            if start != len(data):
                raise Wrong(f"pack {pack} is {len(data)} bytes long, not {start}")
            self._pack, self._parts = (pack, data, key, parts), {}
        return self._pack

    def part(self, pack: str, index: int) -> bytes:
        """The raw bytes of a frame, or of the footer, which is the last part."""
        _, data, key, parts = self.open_pack(pack)
        if index not in self._parts:
            start, stored, raw, dictionary = parts[index]
            number = len(parts) if index == -1 else index + 1
            letter, what = (b"C", "the footer") if index == -1 else (b"F", f"frame {index}")
            what += f" of pack {pack}"
            associated = data[:30] + letter + number.to_bytes(4, "big")
            content = decrypt(key, number, data[start : start + stored], associated, what)
            base = self.part(pack, dictionary - 1) if dictionary else None
            self._parts[index] = decompress(content, what, raw, base)
        return self._parts[index]

    def contents(self, pack: str) -> tuple[list[tuple], list[tuple[str, str]], dict, dict]:
        """What a pack says: versions, deletions as (endpoint, key), places of chunks by digest, blobs by id."""
        footer, ends, versions = unpack(self.part(pack, -1))[0], {}, []

        def place(frame: int, length: int) -> tuple[str, int, int, int]:
            offset = ends.get(frame, 0)
            ends[frame] = offset + length
            return pack, frame, offset, length

        for columns in footer.get("records", []):
            endpoint, blobs = columns["endpoint"], columns.get("blobs", b"").hex()
            places = map(place, columns["frames"], columns["lengths"])
            for i, (key, where) in enumerate(zip(columns["keys"], places, strict=True)):
                blob = blobs[32 * i : 32 * i + 32]
                expected = columns["digests"][16 * i : 16 * i + 16]
                versions.append((endpoint, key, expected, where, blob.strip("0") and blob))
        for each in footer.get("references", []):
            where = (each["pack"], each["frame"], each["offset"], each["length"])
            versions.append((each["endpoint"], each["key"], each["digest"], where, each.get("blob", "")))
        deletions = [(each["endpoint"], key) for each in footer.get("deletions", []) for key in each["keys"]]
        chunks = footer.get("chunks") or {"digests": b"", "frames": [], "lengths": []}
        places = map(place, chunks["frames"], chunks["lengths"])
        found = {chunks["digests"][16 * i : 16 * i + 16]: where for i, where in enumerate(places)}
        return versions, deletions, found, {blob["id"]: blob for blob in footer.get("blobs", [])}

    def record(self, version: tuple) -> bytes:
        endpoint, key, expected, place, _ = version
        pack, frame, offset, length = place
        raw = self.part(pack, frame)[offset : offset + length]
        if digest(self.record_key, endpoint.encode() + b"\0" + key.encode() + b"\0" + raw) != expected:
            raise Wrong(f"record {key} of {endpoint} is not what was written")
        return raw

    def all_chunks_and_blobs(self) -> tuple[dict, dict]:
        """Of all the customer's packs: chunks are shared by its instances."""
        chunks, blobs = {}, {}
        for path in sorted((self.folder / "packs" / str(self.number)).glob("??/*")):
            _, _, found, described = self.contents(path.name)
            chunks.update(found)
            blobs.update(described)
        return chunks, blobs

    def blob(self, blob: dict, chunks: dict) -> bytes:
        places = [chunks[each] for each in blob["chunks"]]
        pieces = [self.part(pack, frame)[offset : offset + length] for pack, frame, offset, length in places]
        whole = b"".join(pieces)
        if [digest(self.chunk_key, piece) for piece in pieces] != blob["chunks"]:
            raise Wrong(f"a chunk of blob {blob['id']} is not what was written")
        if (digest(self.blob_key, whole), len(whole)) != (blob["digest"], blob["size_bytes"]):
            raise Wrong(f"blob {blob['id']} is not what was written")
        return whole

    def runs(self, instance: int, run: int | None = None):
        """(manifest, [(versions, deletions) of each pack]) of every run that leads to the newest, or to one."""
        return ((one, [self.contents(pack)[:2] for pack in one["packs"]]) for one in self.manifests(instance, run))

    def state(self, instance: int, blobs: dict, run: int | None) -> dict:
        """The versions by (endpoint, key) after a run, None for the newest; counts and sums proven."""
        state, last = {}, {"endpoints": []}
        for last, added in self.runs(instance, run):
            for versions, deletions in added:
                state.update((version[:2], version) for version in versions)
                for key in deletions:
                    state.pop(key, None)
        for endpoint in last["endpoints"]:
            live = [version for version in state.values() if version[0] == endpoint["endpoint"]]
            elements = [blake3(v[2] + blobs[v[4]]["digest"]).digest(16) if v[4] else v[2] for v in live]
            total = sum(int.from_bytes(element, "big") for element in elements) % (1 << 128)
            if (len(live), total.to_bytes(16, "big")) != (endpoint["live"], base64.b64decode(endpoint["state_sum"])):
                raise Wrong(f"run {last['sequence']} of instance {instance} does not add up in {endpoint['endpoint']}")
        return state


def numbers(folder: Path) -> list[int]:
    """By which the objects below a folder are named, or the folders that they lie in: one without any is none."""
    found = (path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file())
    return sorted({int(each) for each in found if each.isdigit()})


def list_all(customer: Customer, instance: int) -> None:
    for manifest, added in customer.runs(instance):
        for versions, deletions in added:
            lines = [(*version[:2], len(customer.record(version)), version[4]) for version in versions]
            for line in lines + [(*key, "deleted", "") for key in deletions]:
                print(customer.number, instance, manifest["sequence"], *line, sep="\t")


def extract(customer: Customer, instance: int, chunks: dict, blobs: dict, out: Path, run: int | None) -> str:
    state = customer.state(instance, blobs, run)
    (target := out / str(customer.number) / str(instance)).mkdir(parents=True, exist_ok=True)
    for endpoint in sorted({endpoint for endpoint, _ in state}):
        with (target / f"{quote(endpoint, safe='')}.jsonl").open("wb") as file:
            for version in sorted((v for v in state.values() if v[0] == endpoint), key=lambda v: (v[3][0], v[3][1])):
                raw = customer.record(version).replace(b"\n", b" ").replace(b"\r", b" ")  # white space between tokens
                head = json.dumps({"key": version[1], "blob": version[4] or None})[:-1].encode()
                file.write(head + b', "record": ' + raw + b"}\n")
    wanted = {version[4] for version in state.values() if version[4]}
    (folder := out / str(customer.number) / "blobs").mkdir(exist_ok=True)
    for blob_id in sorted(wanted):
        (folder / blob_id).write_bytes(customer.blob(blobs[blob_id], chunks))
    return f"customer {customer.number}, instance {instance}: {len(state)} records, {len(wanted)} blobs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("keyfile", type=Path)
    parser.add_argument("command", choices=["list", "extract"])
    parser.add_argument("out", type=Path, nargs="?", default=Path("extracted"))
    parser.add_argument("--run", type=int)
    given = parser.parse_args()
    try:
        for number in numbers(given.folder / "keys"):
            customer = Customer(given.folder, parse_root_key(given.keyfile.read_text()), number)
            chunks, blobs = customer.all_chunks_and_blobs() if given.command == "extract" else ({}, {})
            for instance in numbers(given.folder / "manifests" / str(number)):
                if given.command == "list":
                    list_all(customer, instance)
                else:
                    print(extract(customer, instance, chunks, blobs, given.out, given.run))
    except (Wrong, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
