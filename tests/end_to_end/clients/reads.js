// Reads the chain behind a URL with viem and with ethers, as applications do, and says what each saw.
//
//     node reads.js URL [filters]
//
// Prints one line of JSON. Whatever a client complains about, by an exception or on the console, ends it with status 1.
const { createPublicClient, http, parseGwei } = require("viem");
const { privateKeyToAccount } = require("viem/accounts");
const { JsonRpcProvider, Wallet } = require("ethers");

const [url, filters] = process.argv.slice(2);
const pollingInterval = 100;
const RECIPIENT = "0x00000000000000000000000000000000000000b0";
const complaints = [];
for (const level of ["warn", "error"]) console[level] = (...words) => complaints.push(words.join(" "));

const need = (truth, what) => {
  if (!truth) throw new Error(what);
};

// A key of its own for each run of this script: its first transaction has the nonce 0.
const key = (client) => `0x${client}${process.pid.toString(16).padStart(8, "0")}${Date.now().toString(16).padStart(48, "0")}`;

async function withViem() {
  const client = createPublicClient({ transport: http(url, { retryCount: 0 }), pollingInterval });
  const chainId = await client.getChainId();
  let child, parent = await client.getBlock({ includeTransactions: true });
  do {
    child = parent;
    parent = await client.getBlock({ blockNumber: child.number - 1n, includeTransactions: true });
    need(parent.hash === child.parentHash, "a block's parent is another one");
  } while (parent.transactions.length === 0);
  const transaction = parent.transactions[0];
  const receipt = await client.getTransactionReceipt({ hash: transaction.hash });
  need(receipt.blockHash === parent.hash, "a receipt is of another block");
  const found = await client.getTransaction({ hash: transaction.hash });
  need(found.from === transaction.from, "a transaction has another sender");
  const logs = await client.getLogs({ fromBlock: parent.number, toBlock: parent.number });
  need(logs.every((log) => log.blockHash === parent.hash), "a log is of another block");
  await client.getBalance({ address: RECIPIENT });
  await client.estimateFeesPerGas();
  if (filters) await viemFilters(client);

  const account = privateKeyToAccount(key("a1a1a1a1"));
  const serializedTransaction = await account.signTransaction({
    chainId, nonce: await client.getTransactionCount({ address: account.address, blockTag: "pending" }),
    to: RECIPIENT, value: 1n, gas: 21_000n, maxFeePerGas: parseGwei("500"), maxPriorityFeePerGas: parseGwei("2"),
  });
  const hash = await client.sendRawTransaction({ serializedTransaction });
  const sent = await client.waitForTransactionReceipt({ hash, timeout: 30_000 });
  const nonce = await client.getTransactionCount({ address: account.address });
  need(sent.status === "success" && sent.from === account.address.toLowerCase(), "what was sent has another sender");
  return { chainId, logs: logs.length, transactions: parent.transactions.length, nonce };
}

async function viemFilters(client) {
  const filter = await client.createBlockFilter();
  const before = await client.getBlockNumber();
  while ((await client.getBlockNumber({ cacheTime: 0 })) === before) await new Promise((go) => setTimeout(go, 50));
  const hashes = await client.getFilterChanges({ filter });
  need(hashes.length > 0, "a filter of blocks has none");
  await client.getBlock({ blockHash: hashes[0] });
  need(await client.uninstallFilter({ filter }), "a filter cannot be removed");
}

async function withEthers() {
  const provider = new JsonRpcProvider(url, undefined, { pollingInterval, cacheTimeout: -1 });
  const { chainId } = await provider.getNetwork();
  let child, parent = await provider.getBlock("latest", true);
  do {
    child = parent;
    parent = await provider.getBlock(child.number - 1, true);
    need(parent.hash === child.parentHash, "a block's parent is another one");
  } while (parent.prefetchedTransactions.length === 0);
  const transaction = parent.prefetchedTransactions[0];
  const receipt = await provider.getTransactionReceipt(transaction.hash);
  need(receipt.blockHash === parent.hash, "a receipt is of another block");
  need((await provider.getTransaction(transaction.hash)).from === transaction.from, "a transaction has another sender");
  const logs = await provider.getLogs({ fromBlock: parent.number, toBlock: parent.number });
  need(logs.every((log) => log.blockHash === parent.hash), "a log is of another block");
  await provider.getBalance(RECIPIENT);
  await provider.getFeeData();

  const wallet = new Wallet(key("b2b2b2b2"), provider);
  const sent = await wallet.sendTransaction({ to: RECIPIENT, value: 1n, gasLimit: 21_000n });
  const included = await sent.wait(1, 30_000);
  need(included.status === 1 && included.from === wallet.address, "what was sent has another sender");
  const nonce = await provider.getTransactionCount(wallet.address);
  provider.destroy();
  return { chainId: Number(chainId), logs: logs.length, transactions: parent.transactions.length, nonce };
}

(async () => {
  const said = { viem: await withViem(), ethers: await withEthers() };
  need(complaints.length === 0, complaints.join("; "));
  process.stdout.write(`${JSON.stringify(said)}\n`);
  process.exit();
})().catch((error) => {
  process.stderr.write(`${error.stack}\n${complaints.join("\n")}\n`);
  process.exit(1);
});
