"""Real nodes for tests: anvils of one chain, which are told at the same moments what to do.

Anvil is a program of others: `make anvil-test` installs it, and says where it is in BATTLE_ANVIL.
"""

import json
import os
import re
import subprocess
import threading
from contextlib import ExitStack, contextmanager

import httpx

GENESIS_SECONDS = 1_700_000_000
HISTORY_BLOCKS = 300
BLOCK_SECONDS = 0.5


class Anvils:
    """Nodes that mine the same blocks: with the same genesis and the same times a block has the same hash."""

    def __init__(self, urls) -> None:
        self.urls = urls
        self._client = httpx.Client(trust_env=False)
        self._over = threading.Event()
        self._commands = threading.Lock()
        # Times follow from the block before, however long each node has been up.
        self.all("evm_setNextBlockTimestamp", [GENESIS_SECONDS + 1000])
        self.all("evm_mine")
        self._interval = 1
        self.all("anvil_setBlockTimestampInterval", [self._interval])
        self.all("anvil_mine", [hex(HISTORY_BLOCKS)])
        self.check()

    def ask(self, url, method, params=()):
        """The result of a call to one node."""
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        return self._client.post(url, json=call).json()["result"]

    def all(self, method, params=()):
        """The same call to every node."""
        return [self.ask(url, method, params) for url in self.urls]

    def reorganise(self, depth):
        """Every node replaces its newest blocks by as many others."""
        with self._commands:
            before = self.all("eth_getBlockByNumber", ["latest", False])
            self._interval += 1  # at the same times there would be the same blocks again
            self.all("anvil_setBlockTimestampInterval", [self._interval])
            self.all("anvil_reorg", [depth, []])
            after = self.all("eth_getBlockByNumber", [before[0]["number"], False])
            assert {block["hash"] for block in before}.isdisjoint(block["hash"] for block in after)
            self.check()

    def check(self):
        """The nodes have the same newest block."""
        assert len({block["hash"] for block in self.all("eth_getBlockByNumber", ["latest", False])}) == 1

    def mine(self):
        """Mine until `stop`."""
        while not self._over.wait(BLOCK_SECONDS):
            with self._commands:
                self.all("evm_mine")

    def stop(self):
        """Mine no more."""
        self._over.set()

    def close(self):
        """Let the connections go."""
        self._client.close()


@contextmanager
def anvils(count=2):
    """So many nodes of one chain with a new block twice a second, until the block ends."""
    with ExitStack() as stack:
        urls = [stack.enter_context(_anvil()) for _ in range(count)]
        nodes = Anvils(urls)
        miner = threading.Thread(target=nodes.mine)
        miner.start()
        try:
            yield nodes
        finally:
            nodes.stop()
            miner.join()
            nodes.close()


@contextmanager
def _anvil():
    arguments = ["--port", "0", "--no-mining", "--timestamp", str(GENESIS_SECONDS)]
    with subprocess.Popen(
        [os.environ["BATTLE_ANVIL"], *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        drain = threading.Thread(target=process.stdout.read)
        try:
            where = next(filter(None, (re.search(r"Listening on (\S+)", line) for line in process.stdout)))
            drain.start()
            yield f"http://{where[1]}"
        finally:
            process.terminate()
            if drain.ident is not None:
                drain.join()


def providers_file(path, urls):
    """A file of real providers at these URLs, for `--providers`."""
    path.write_text(
        "".join(f'[[providers]]\nname = "node-{n}"\nurl = {json.dumps(url)}\n' for n, url in enumerate(urls))
    )
    return path
