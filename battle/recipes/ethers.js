// ethers' `FallbackProvider`, which an application has in itself, behind an HTTP server.
// It speaks in terms of its own and not in JSON-RPC, so only the calls below can be asked: those whose answer is a plain
// value.
const { createServer } = require("node:http");
const { createRequire } = require("node:module");

const load = createRequire(`${process.cwd()}/`); // where `npm install ethers` was called
try {
  load.resolve("ethers");
} catch {
  console.error("ethers is not installed in this directory: npm install ethers");
  process.exit(1);
}
const { FallbackProvider, FetchRequest, JsonRpcProvider, toQuantity, version } = load("ethers");

if (process.argv[2] === "--version") {
  console.log(`ethers ${version}`);
  process.exit();
}
const [port, ...urls] = process.argv.slice(2);
const configs = urls.map((url, index) => {
  const request = new FetchRequest(url);
  request.timeout = 1_000;
  const options = { staticNetwork: true, batchMaxCount: 1, cacheTimeout: -1 };
  const provider = new JsonRpcProvider(request, undefined, options);
  return { provider, priority: index + 1, stallTimeout: 400 };
});
const one = new FallbackProvider(configs, undefined, { cacheTimeout: -1 });

const calls = {
  eth_blockNumber: async () => toQuantity(await one.getBlockNumber()),
  eth_call: ([transaction, blockTag]) => one.call({ ...transaction, blockTag }),
  eth_chainId: async () => toQuantity((await one.getNetwork()).chainId),
  eth_estimateGas: async ([transaction]) => toQuantity(await one.estimateGas(transaction)),
  eth_getBalance: async ([address, block]) => toQuantity(await one.getBalance(address, block)),
  eth_getCode: ([address, block]) => one.getCode(address, block),
  eth_getStorageAt: ([address, slot, block]) => one.getStorage(address, slot, block),
  eth_getTransactionCount: async ([address, block]) => toQuantity(await one.getTransactionCount(address, block)),
  eth_sendRawTransaction: async ([signed]) => (await one.broadcastTransaction(signed)).hash,
};

async function answer({ id = null, method, params = [] }) {
  try {
    if (!(method in calls)) throw { code: -32601, message: `the method ${method} is not available` };
    return { jsonrpc: "2.0", id, result: await calls[method](params) };
  } catch (error) {
    const { code, message, data } = error.info?.error ?? error.error ?? error;
    return { jsonrpc: "2.0", id, error: { code: Number.isInteger(code) ? code : -32603, message, data } };
  }
}

createServer(async (request, response) => {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  try {
    const call = JSON.parse(text);
    const result = Array.isArray(call) ? await Promise.all(call.map(answer)) : await answer(call);
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(result));
  } catch {
    response.writeHead(400).end();
  }
}).listen(Number(port), "127.0.0.1");
