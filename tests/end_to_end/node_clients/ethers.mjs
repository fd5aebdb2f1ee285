// Reads a chain with ethers and sends to it: node ethers.mjs HTTP_URL WS_URL. Exits with 0 when ethers has no complaint.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.BATTLE_NODE_CLIENTS + "/");
const { JsonRpcProvider, WebSocketProvider, Transaction, Wallet, ZeroAddress, getCreateAddress, parseEther } = require("ethers");

const [, , httpUrl, wsUrl] = process.argv;
const provider = new JsonRpcProvider(httpUrl, undefined, { pollingInterval: 100, cacheTimeout: -1 });
assert.equal((await provider.getNetwork()).chainId, 1337n);

// Blocks, transactions, receipts and logs.
const head = await provider.getBlockNumber();
let read = 0;
for (let number = head - 9; number <= head; number++) {
  const block = await provider.getBlock(number, true);
  assert.equal((await provider.getBlock(block.parentHash)).number, number - 1);
  const logs = [];
  for (const transaction of block.prefetchedTransactions) {
    const signed = Transaction.from(transaction); // compares the hash, and the sender with who signed
    assert.equal(signed.hash, transaction.hash);
    assert.equal(signed.from, transaction.from);
    const receipt = await provider.getTransactionReceipt(transaction.hash);
    assert.equal(receipt.status, 1);
    assert.equal(receipt.blockHash, block.hash);
    logs.push(...receipt.logs.map((log) => log.index));
    read++;
  }
  const found = await provider.getLogs({ blockHash: block.hash });
  assert.deepEqual(found.map((log) => log.index), logs);
}
assert.ok(read > 5);

// Sent transactions: of each type, and one that creates a contract.
const wallet = new Wallet("0x" + "43".repeat(32), provider);
assert.equal(await wallet.getNonce(), 0);
const sent = [];
for (const more of [
  { to: ZeroAddress, value: parseEther("0.1") },
  { to: ZeroAddress, type: 0 },
  { to: ZeroAddress, type: 1, accessList: [{ address: ZeroAddress, storageKeys: ["0x" + "11".repeat(32)] }] },
  { data: "0x6080604052", gasLimit: 100_000n },
]) {
  sent.push(await wallet.sendTransaction(more)); // compares the answer with the hash that it computed
}
for (const [nonce, transaction] of sent.entries()) {
  const receipt = await transaction.wait();
  assert.equal(receipt.status, 1);
  assert.equal(receipt.from, wallet.address);
  const found = await provider.getTransaction(transaction.hash);
  assert.equal(Transaction.from(found).hash, transaction.hash);
  assert.equal(found.nonce, nonce);
}
const created = await provider.getTransactionReceipt(sent.at(-1).hash);
assert.equal(created.contractAddress, getCreateAddress({ from: wallet.address, nonce: sent.length - 1 }));
assert.equal(await wallet.getNonce(), sent.length);
await assert.rejects(wallet.sendTransaction({ to: ZeroAddress, nonce: 0 }), /nonce/i);

// Heads over a WebSocket.
const feed = new WebSocketProvider(wsUrl);
const heads = await new Promise((resolve) => {
  const seen = [];
  feed.on("block", (number) => (seen.push(number), seen.length === 3 && resolve(seen)));
});
assert.deepEqual(heads, [heads[0], heads[0] + 1, heads[0] + 2]);
console.log(`ethers read ${read} transactions and sent ${sent.length}`);
process.exit(0);
