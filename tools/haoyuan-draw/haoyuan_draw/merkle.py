"""Merkle hash trees as RFC 6962 section 2.1 defines them, and the check of an inclusion proof by RFC 9162 section 2.1.3.2."""

from collections.abc import Sequence
from hashlib import sha256


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over these leaves; of none, the hash of nothing."""
    return _subtree(leaves, 0, len(leaves)) if leaves else sha256(b"").digest()


def _subtree(leaves: Sequence[bytes], start: int, end: int) -> bytes:
    """The RFC's recursion: split at the largest power of two that is smaller than the number of leaves."""
    count = end - start
    if count == 1:
        return leaf_hash(leaves[start])
    middle = start + (1 << ((count - 1).bit_length() - 1))
    return node_hash(_subtree(leaves, start, middle), _subtree(leaves, middle, end))


def root_by_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which a proof of inclusion leads, or None if the path is none for leaf `index` of `size`."""
    if not 0 <= index < size:
        return None
    fn, sn, found = index, size - 1, leaf_hash(leaf)
    for step in path:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            found = node_hash(step, found)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = node_hash(found, step)
        fn, sn = fn >> 1, sn >> 1
    return found if sn == 0 else None
