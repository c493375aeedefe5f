"""RFC 6962/9162 Merkle trees over SHA-256: pure functions, no storage.

A proof is made from the roots of perfect subtrees, `node(level, index)`: level 0 is a leaf's hash,
level L covers the 2**L leaves from index * 2**L on.  Those never change once they exist, so a
growing tree stores each of them once and any size of it can be proved later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

Node: TypeAlias = Callable[[int, int], bytes]

_sha256 = hashlib.sha256

EMPTY = _sha256().digest()
"""The root of a tree without leaves."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and its data."""
    return _sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256 of 0x01 and its two children."""
    return _sha256(b"\x01" + left + right).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in order."""
    if not hashes:
        return EMPTY
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) % 2 else []
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [_sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return row[0]


def append(edge: Sequence[bytes], size: int, leaf: bytes) -> tuple[tuple[bytes, ...], list[tuple[int, int, bytes]]]:
    """Add a leaf's hash to a tree of `size` leaves.

    `edge` holds the roots of its perfect subtrees, largest first.  Returns the new edge and the
    perfect subtrees that came into being above the leaf, as (level, index, hash).
    """
    stack, made, hash, level = list(edge), [], leaf, 0
    while size >> level & 1:
        hash = node_hash(stack.pop(), hash)
        level += 1
        made.append((level, size >> level, hash))
    return (*stack, hash), made


def edge_root(edge: Sequence[bytes]) -> bytes:
    """The root of the tree whose perfect subtrees are `edge`, largest first."""
    if not edge:
        return EMPTY
    hash = edge[-1]
    for left in reversed(edge[:-1]):
        hash = node_hash(left, hash)
    return hash


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf up."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(subroot(middle, high, node))
            high = middle
        else:
            path.append(subroot(low, middle, node))
            low = middle
    return path[::-1]


def consistency(size1: int, size2: int, node: Node) -> list[bytes]:
    """The proof that the tree of `size2` leaves begins with that of `size1`."""
    if not 0 <= size1 <= size2:
        raise ValueError(f"a tree of {size2} leaves cannot begin with one of {size1}")
    if size1 in {0, size2}:
        return []  # nothing to show
    low, high, whole, path = 0, size2, True, []
    while size1 != high:
        middle = low + _split(high - low)
        if size1 <= middle:
            path.append(subroot(middle, high, node))
            high = middle
        else:
            path.append(subroot(low, middle, node))
            low, whole = middle, False
    return ([] if whole else [subroot(low, high, node)]) + path[::-1]


def subroot(low: int, high: int, node: Node) -> bytes:
    """The root over leaves low to high - 1, where low is a multiple of the power of two that covers them."""
    edge = []
    while low < high:
        level = (high - low).bit_length() - 1
        edge.append(node(level, low >> level))
        low += 1 << level
    return edge_root(edge)


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that the leaf hash stands at `index` under `root`.  RFC 9162, 2.1.3.2."""
    if not 0 <= index < size or len(leaf) != 32:
        return False
    place, last, hash = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            hash = node_hash(step, hash)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hash = node_hash(hash, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hash == root


def verify_consistency(size1: int, size2: int, path: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """Whether `path` proves that the tree under `root2` begins with that under `root1`.  RFC 9162, 2.1.4.2.

    From an empty tree on nothing can be proved: every tree begins with it.
    """
    if size1 == size2:
        return not path and root1 == root2 and (size1 > 0 or root1 == EMPTY)
    if not 0 < size1 < size2 or not path:
        return False
    steps = [root1, *path] if size1 & (size1 - 1) == 0 else list(path)
    place, last = size1 - 1, size2 - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    hash1 = hash2 = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            hash1, hash2 = node_hash(step, hash1), node_hash(step, hash2)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            hash2 = node_hash(hash2, step)
        place, last = place >> 1, last >> 1
    return last == 0 and hash1 == root1 and hash2 == root2


def _split(size: int) -> int:
    """The largest power of two smaller than size."""
    return 1 << (size - 1).bit_length() - 1
