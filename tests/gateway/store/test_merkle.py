"""RFC 6962/9162 trees: the standard roots, every proof of small trees, and the public vectors where they are."""

from __future__ import annotations

import base64
import json

import pytest

from gateway.store import merkle

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first one to eight leaves, as Certificate Transparency's own tests have them."""


def hashes(count):
    return [merkle.leaf_hash(b"%d" % number) for number in range(count)]


def nodes(leaves):
    return lambda level, index: merkle.root(leaves[index << level : (index + 1) << level])


def test_the_eight_standard_roots():
    for size, root in enumerate(ROOTS, 1):
        assert merkle.root([merkle.leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == root
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_appending_gives_the_same_roots_and_every_perfect_subtree_once():
    edge, made = (), {}
    for size, leaf in enumerate(hashes(70)):
        edge, new = merkle.append(edge, size, leaf)
        assert merkle.edge_root(edge) == merkle.root(hashes(size + 1))
        assert not made.keys() & {(level, index) for level, index, _ in new}
        made.update(((level, index), hash) for level, index, hash in new)
    assert all(hash == nodes(hashes(70))(level, index) for (level, index), hash in made.items())


def test_every_inclusion_proof_of_small_trees_holds_and_no_other():
    for size in range(1, 34):
        leaves = hashes(size)
        root = merkle.root(leaves)
        for index in range(size):
            path = merkle.inclusion(index, size, nodes(leaves))
            assert merkle.verify_inclusion(leaves[index], index, size, path, root)
            assert not merkle.verify_inclusion(leaves[index], index, size, [*path, root], root)
            assert not merkle.verify_inclusion(merkle.leaf_hash(b"x"), index, size, path, root)
            assert size == 1 or not merkle.verify_inclusion(leaves[index], (index + 1) % size, size, path, root)


def test_every_consistency_proof_of_small_trees_holds_and_no_other():
    for size2 in range(1, 34):
        leaves = hashes(size2)
        root2 = merkle.root(leaves)
        for size1 in range(1, size2 + 1):
            root1 = merkle.root(leaves[:size1])
            path = merkle.consistency(size1, size2, nodes(leaves))
            assert merkle.verify_consistency(size1, size2, path, root1, root2)
            assert not merkle.verify_consistency(size1, size2, [*path, root2], root1, root2)
            assert not merkle.verify_consistency(size1, size2, path, merkle.leaf_hash(b"x"), root2)


def test_proofs_of_what_is_not_there_are_refused():
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion(3, 3, nodes(hashes(3)))
    with pytest.raises(ValueError, match="cannot begin"):
        merkle.consistency(4, 3, nodes(hashes(3)))


def decoded(text):
    return base64.b64decode(text) if text else b""


@pytest.mark.real_data
@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_the_public_vectors(shared, kind):
    ran = 0
    for path in sorted((shared / "merkle" / "testdata" / kind).rglob("*.json")):
        vector = json.loads(path.read_text())
        proof = [decoded(step) for step in vector["proof"] or []]
        if kind == "inclusion":
            holds = merkle.verify_inclusion(
                decoded(vector["leafHash"]), vector["leafIdx"], vector["treeSize"], proof, decoded(vector["root"])
            )
        else:
            holds = merkle.verify_consistency(
                vector["size1"], vector["size2"], proof, decoded(vector["root1"]), decoded(vector["root2"])
            )
        assert holds is not vector["wantErr"], path
        ran += 1
    assert ran == 98
