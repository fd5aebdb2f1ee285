// A gateway that Battle knows nothing of: JSON-RPC at a path of its own, a token in a header, WebSockets at a second
// port, and some time until it listens. What it needs is in its environment; with FAILOVER=off it asks each upstream in turn,
// and no second one.
import http from "node:http";
import net from "node:net";

const upstreams = process.env.UPSTREAMS.split(",").map((url) => new URL(url));
const token = process.env.TOKEN;
let turn = 0;

function attempt(body, upstream) {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers: { "content-type": "application/json" }, timeout: 500 };
    const request = http.request(upstream, options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(Buffer.concat(parts)) : reject(new Error(`status ${response.statusCode}`)),
      );
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
    request.end(body);
  });
}

async function answer(body) {
  for (let tried = 0; tried < (process.env.FAILOVER === "off" ? 1 : upstreams.length); tried++) {
    try {
      return await attempt(body, upstreams[turn++ % upstreams.length]);
    } catch (error) {
      console.error(`an upstream failed: ${error.message}`);
    }
  }
  return null;
}

const front = http.createServer((request, response) => {
  if (request.url !== "/rpc/v1") return response.writeHead(404).end("not here\n");
  if (request.headers["x-token"] !== token) return response.writeHead(401).end("who are you?\n");
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    const body = await answer(Buffer.concat(parts));
    if (body === null) return response.writeHead(502).end("no upstream\n");
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  });
});

const streams = http.createServer((_, response) => response.writeHead(426).end());
streams.on("upgrade", (request, socket, head) => {
  if (request.url !== "/stream" || request.headers["x-token"] !== token) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  const upstream = upstreams[turn++ % upstreams.length];
  const other = net.connect(Number(upstream.port), upstream.hostname, () => {
    const lines = [`GET / HTTP/1.1`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    other.write(lines.join("\r\n") + "\r\n\r\n");
    other.write(head);
    socket.pipe(other).pipe(socket);
  });
  other.on("error", () => socket.destroy());
  socket.on("error", () => other.destroy());
});

setTimeout(() => {
  front.listen(Number(process.env.PORT), "127.0.0.1");
  streams.listen(Number(process.env.WS_PORT), "127.0.0.1");
}, Number(process.env.SLOW_MS ?? 2000));
process.on("SIGTERM", () => process.exit(0));
