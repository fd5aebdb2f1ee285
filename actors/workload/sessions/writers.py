"""The script of sessions that write: each sends a transaction of an account of its own, and reads what came of it."""

from typing import Any

from battle.actors.chain import signed_transactions
from battle.actors.chain.headers import HIGHEST_BASE_FEE_WEI
from battle.actors.chain.signatures import Signer
from battle.actors.session_failures import SessionFailed
from battle.actors.units import Duration
from battle.actors.wire.correlation import embedded
from battle.actors.workload.sessions.script import Script

_TIP_WEI = 10**9
_TRANSFER_GAS = 21_000


def send_and_read(
    seed: int, workload: int, number: int, chain_id: int, length: int, block_time: Duration
) -> Script:
    """Send a transaction, read its account's nonce and itself at once, and ask for its receipt until it is there.

    It is the first of its account, which follows from the run's `seed`, the `workload` and the session's `number`.
    It is asked for `length` times at most, twice in a block's time.
    """
    signer = Signer(b"session %d:%d:%d" % (seed, workload, number))
    sent = signed_transactions.sign(
        signer,
        chain_id=chain_id,
        nonce=0,
        tip_wei=_TIP_WEI,
        max_fee_wei=2 * HIGHEST_BASE_FEE_WEI,
        gas=_TRANSFER_GAS,
        to=bytes.fromhex(embedded(workload, number, 20)[2:]),
        value_wei=1,
    )
    name, account = "0x" + sent.hash.hex(), "0x" + signer.address.hex()
    if (yield "eth_sendRawTransaction", ["0x" + sent.raw.hex()]) != name:
        raise SessionFailed("eth_sendRawTransaction: the hash is not that of the transaction")
    nonce = yield "eth_getTransactionCount", [account, "pending"]
    if nonce != "0x1":
        raise SessionFailed(
            f"eth_getTransactionCount: {nonce!r:.40} after the transaction was accepted, not 0x1"
        )
    if (yield "eth_getTransactionByHash", [name]) is None:
        raise SessionFailed("eth_getTransactionByHash: the transaction is not known, though it was accepted")
    for _ in range(length):
        receipt: Any = yield "eth_getTransactionReceipt", [name]
        if receipt is not None:
            return
        yield block_time // 2
    raise SessionFailed(f"eth_getTransactionReceipt: no receipt, asked {length} times")
