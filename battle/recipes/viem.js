// viem's `fallback` transport, which an application has in itself, behind an HTTP server.
// viem asks the first provider, and the next one when that fails; an answer that no other provider would change
// (an execution that reverts) it passes on. `rank: true` would order the providers by latency and stability.
const { createServer } = require("node:http");
const { createRequire } = require("node:module");

const load = createRequire(`${process.cwd()}/`); // where `npm install viem` was called
try {
  load.resolve("viem");
} catch {
  console.error("viem is not installed in this directory: npm install viem");
  process.exit(1);
}
const { createPublicClient, fallback, http } = load("viem");

if (process.argv[2] === "--version") {
  console.log(`viem ${load("viem/package.json").version}`);
  process.exit();
}
const [port, ...urls] = process.argv.slice(2);
const transports = urls.map((url) => http(url, { retryCount: 0, timeout: 1_000 }));
const client = createPublicClient({ transport: fallback(transports, { rank: false, retryCount: 1 }) });

async function answer({ id = null, method, params }) {
  try {
    return { jsonrpc: "2.0", id, result: await client.request({ method, params }) };
  } catch (error) {
    const known = error.walk?.((cause) => typeof cause.code === "number") ?? error;
    const { code = -32603, details, message, data } = known;
    return { jsonrpc: "2.0", id, error: { code, message: details ?? message, data } };
  }
}

createServer(async (request, response) => {
  let text = "";
  for await (const piece of request.setEncoding("utf8")) text += piece;
  let call;
  try {
    call = JSON.parse(text);
  } catch {
    return response.writeHead(400).end();
  }
  const result = Array.isArray(call) ? await Promise.all(call.map(answer)) : await answer(call);
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(result));
}).listen(Number(port), "127.0.0.1");
