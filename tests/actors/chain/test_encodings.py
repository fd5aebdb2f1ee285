"""RLP, tries, keccak, blooms and signatures are what py-evm's and eth-account's are."""

import pytest
import rlp as reference
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from trie import HexaryTrie

from battle.actors.chain import rlp
from battle.actors.chain.keccak import keccak
from battle.actors.chain.signatures import Signature, Signer, recover
from battle.actors.chain.tries import list_root

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

blobs = st.binary(max_size=70) | st.binary(min_size=250, max_size=300)
items = st.recursive(blobs, lambda inner: st.lists(inner, max_size=6), max_leaves=20)


def as_lists(item):
    return item if isinstance(item, bytes) else [as_lists(one) for one in item]


@given(items)
def test_rlp_is_that_of_py_evm_and_reads_back(item):
    encoded = reference.encode(item)
    assert rlp.encode(item) == encoded
    assert rlp.decode(encoded) == as_lists(item)


@given(st.integers(0, 2**256 - 1))
def test_numbers_have_no_leading_zeros(value):
    assert rlp.encode_int(value) == reference.encode(value)


@given(st.binary(max_size=12) | items.map(reference.encode).map(lambda one: one[:-1]))
def test_what_is_no_rlp_is_refused_as_py_evm_refuses_it(data):
    try:
        expected = reference.decode(data)
    except reference.exceptions.DecodingError:
        with pytest.raises(ValueError, match=r"^rlp: "):
            rlp.decode(data)
    else:
        assert rlp.decode(data) == as_lists(expected)


def test_lists_that_nest_without_an_end_are_refused():
    with pytest.raises(ValueError, match="nest too deep"):
        rlp.decode(reference.encode([[[[[[[[[[[[[[[[[b""]]]]]]]]]]]]]]]]]))


@given(
    st.lists(st.binary(min_size=1, max_size=40), max_size=20)
    | st.lists(st.just(b"same"), min_size=120, max_size=300)
)
def test_the_root_of_a_list_is_that_of_py_evms_trie(values):
    trie = HexaryTrie({})
    for place, value in enumerate(values):
        trie[reference.encode(place)] = value
    assert list_root(values) == trie.root_hash


def test_keccak_is_not_sha3():
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@given(st.binary(max_size=20), st.binary(min_size=32, max_size=32))
def test_a_signature_recovers_its_signer(seed, digest):
    signer = Signer(seed)
    signature = signer.sign(digest)
    assert recover(digest, signature) == signer.address == Signer(seed).address
    assert signature == signer.sign(digest)
    vrs = (signature.y_parity + 27, signature.r, signature.s)
    assert Account._recover_hash(digest, vrs=vrs).lower() == "0x" + signer.address.hex()


@pytest.mark.parametrize(
    "signature",
    [(2, 1, 1), (0, 0, 1), (0, 1, 0), (0, ORDER, 1), (0, 1, ORDER // 2 + 1), (0, 5, 1)],
)
def test_impossible_signatures_are_refused(signature):
    """The last one is no coordinate of a point."""
    with pytest.raises(ValueError, match="invalid transaction v, r, s values"):
        recover(bytes(32), Signature(*signature))
