// Reads a chain with viem and sends to it: node viem.mjs HTTP_URL WS_URL. Exits with 0 when viem has no complaint.
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const require = createRequire(process.env.BATTLE_NODE_CLIENTS + "/");
const { createPublicClient, createWalletClient, http, webSocket, keccak256, parseEther, parseGwei } = require("viem");
const { serializeTransaction, recoverTransactionAddress, zeroAddress } = require("viem");
const { privateKeyToAccount } = require("viem/accounts");
const { mainnet } = require("viem/chains");

const [, , httpUrl, wsUrl] = process.argv;
const chain = { ...mainnet, id: 1337 };
const client = createPublicClient({ chain, transport: http(httpUrl), pollingInterval: 100 });
assert.equal(await client.getChainId(), 1337);

function check(transaction) {
  const { hash, r, s, v, yParity, from, ...fields } = transaction;
  const signature = { r: pad(r), s: pad(s), v, yParity };
  const bare = {
    chainId: fields.chainId, nonce: fields.nonce, gas: fields.gas, to: fields.to, value: fields.value,
    data: fields.input, type: fields.type,
    ...(fields.type === "eip1559"
      ? { maxFeePerGas: fields.maxFeePerGas, maxPriorityFeePerGas: fields.maxPriorityFeePerGas }
      : { gasPrice: fields.gasPrice }),
    ...(fields.type === "legacy" ? {} : { accessList: fields.accessList }),
  };
  const serialized = serializeTransaction(bare, signature);
  assert.equal(keccak256(serialized), hash);
  return recoverTransactionAddress({ serializedTransaction: serialized }).then((sender) =>
    assert.equal(sender.toLowerCase(), from));
}

function pad(text) {
  return "0x" + text.slice(2).padStart(64, "0");
}

// Blocks, transactions, receipts and logs.
const head = await client.getBlockNumber();
let read = 0;
for (let number = head - 9n; number <= head; number++) {
  const block = await client.getBlock({ blockNumber: number, includeTransactions: true });
  const parent = await client.getBlock({ blockHash: block.parentHash });
  assert.equal(parent.number, number - 1n);
  const logs = [];
  for (const transaction of block.transactions) {
    await check(transaction);
    assert.deepEqual(await client.getTransaction({ hash: transaction.hash }), transaction);
    const receipt = await client.getTransactionReceipt({ hash: transaction.hash });
    assert.equal(receipt.status, "success");
    assert.equal(receipt.blockHash, block.hash);
    logs.push(...receipt.logs);
    read++;
  }
  assert.deepEqual(await client.getLogs({ blockHash: block.hash }), logs.map((log) => ({ ...log })));
}
assert.ok(read > 5);

// Sent transactions: of each type, and one that creates a contract.
const account = privateKeyToAccount("0x" + "42".repeat(32));
const wallet = createWalletClient({ account, chain, transport: http(httpUrl) });
assert.equal(await client.getTransactionCount({ address: account.address }), 0);
const hashes = [];
for (const more of [
  { to: zeroAddress, value: parseEther("0.1") },
  { to: zeroAddress, type: "legacy" },
  { to: zeroAddress, type: "eip2930", accessList: [{ address: zeroAddress, storageKeys: ["0x" + "11".repeat(32)] }] },
  { data: "0x6080604052", gas: 100_000n, maxFeePerGas: parseGwei("50") },
]) {
  const hash = await wallet.sendTransaction(more);
  const waiting = await client.getTransaction({ hash });
  assert.equal(waiting.blockNumber, null);
  assert.equal(waiting.nonce, hashes.length);
  hashes.push(hash);
}
for (const hash of hashes) {
  const receipt = await client.waitForTransactionReceipt({ hash });
  assert.equal(receipt.from, account.address.toLowerCase());
  assert.equal(receipt.status, "success");
  await check(await client.getTransaction({ hash }));
}
const created = await client.getTransactionReceipt({ hash: hashes.at(-1) });
assert.match(created.contractAddress, /^0x[0-9a-fA-F]{40}$/);
assert.equal(await client.getTransactionCount({ address: account.address }), hashes.length);
await assert.rejects(wallet.sendTransaction({ to: zeroAddress, nonce: 0 }), /nonce/i);

// Heads over a WebSocket.
const feed = createPublicClient({ chain, transport: webSocket(wsUrl) });
const heads = await new Promise((resolve, reject) => {
  const seen = [];
  const stop = feed.watchBlocks({
    emitMissed: true,
    onBlock: (block) => (seen.push(block), seen.length === 3 && (stop(), resolve(seen))),
    onError: reject,
  });
});
assert.equal(heads[2].parentHash, heads[1].hash);
console.log(`viem read ${read} transactions and sent ${hashes.length}`);
process.exit(0);
