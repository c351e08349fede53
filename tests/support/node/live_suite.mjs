// What the server tests of graphql-ws and graphql-sse ask of a server, as far as an address can show it; each check
// has the name of its test there. Prints the results as JSON. Arguments: the address, the token.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createClient as createSseClient } from "graphql-sse";
import { CloseCode, GRAPHQL_TRANSPORT_WS_PROTOCOL, createClient as createWsClient } from "graphql-ws";
import { WebSocket } from "ws";

const [url, token] = process.argv.slice(2);
const socketUrl = url.replace(/^http/, "ws");
const headers = { Authorization: `Token ${token}` };
const VIEWER = "{ viewer { email } }";
const ACTIVE = "subscription { activeBasket { version } }";
const ADD = 'mutation { basketItemsAdd(input: { items: [{ sku: "SKU01", divisionErpCode: "ERP01" }] }) { basket { version } } }';

const email = (await (await post(VIEWER, "application/json")).json()).data.viewer.email;
const results = [];

async function check(suite, name, run) {
  const opened = [];
  try {
    await run((options) => connect(opened, options));
    results.push({ suite, name, status: "ok" });
  } catch (error) {
    results.push({ suite, name, status: "error", reason: error.message });
  }
  for (const socket of opened) socket.terminate();
}

function post(query, accept, method = "POST") {
  const json = { ...headers, Accept: accept, "Content-Type": "application/json" };
  return fetch(url, { method, headers: json, body: JSON.stringify({ query }) });
}

// Returns a socket with its messages in order; `next` waits for one, `closed` for the close event.
async function connect(opened, { acknowledged = true, protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL } = {}) {
  const socket = new WebSocket(socketUrl, protocol);
  opened.push(socket);
  const messages = [];
  let wake = () => {};
  socket.on("message", (data) => (messages.push(JSON.parse(data)), wake()));
  const closing = once(socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  const peer = {
    socket,
    messages,
    send: (message) => socket.send(JSON.stringify(message)),
    async next() {
      while (!messages.length) await new Promise((resolve) => (wake = resolve));
      return messages.shift();
    },
    closed: () => closing,
  };
  await once(socket, "open");
  if (acknowledged) {
    peer.send({ type: "connection_init", payload: headers });
    assert.equal((await peer.next()).type, "connection_ack");
  }
  return peer;
}

const subscribe = (id, query) => ({ id, type: "subscribe", payload: { query } });
// Answered after everything that was sent before it, so nothing else can follow.
async function assertSilent(peer) {
  peer.send({ type: "ping", payload: { silent: true } });
  assert.deepEqual(await peer.next(), { type: "pong", payload: { silent: true } });
}

const ws = (name, run) => check("graphql-ws", name, run);
const sse = (name, run) => check("graphql-sse", name, run);

await ws("should omit the subprotocol from the response if there's no valid one offered by the client", async (open) => {
  const socket = new WebSocket(socketUrl, []);
  const [code] = await once(socket, "close");
  assert.equal(code, CloseCode.SubprotocolNotAcceptable);
  assert.equal(socket.protocol, "");
});
await ws("should acknowledge connection if not implemented, returning `true` or nothing", (open) => open());
await ws("should refuse connection and close socket if returning `false`", async (open) => {
  const peer = await open({ acknowledged: false });
  peer.send({ type: "connection_init", payload: { Authorization: "Token wrong" } });
  assert.equal((await peer.closed()).code, CloseCode.Forbidden);
});
await ws("should close the socket after the `connectionInitWaitTimeout` has passed without having received a `ConnectionInit` message", async (open) => {
  const peer = await open({ acknowledged: false });
  assert.deepEqual(await peer.closed(), { code: 4408, reason: "Connection initialisation timeout" });
});
await ws("should close the socket if an additional `ConnectionInit` message is received while one is pending", async (open) => {
  const peer = await open({ acknowledged: false });
  for (const _ of "12") peer.send({ type: "connection_init", payload: headers });
  assert.deepEqual(await peer.closed(), { code: 4429, reason: "Too many initialisation requests" });
});
await ws("should close the socket if more than one `ConnectionInit` message is received at any given time", async (open) => {
  const peer = await open();
  peer.send({ type: "connection_init" });
  assert.deepEqual(await peer.closed(), { code: 4429, reason: "Too many initialisation requests" });
});
await ws("should respond with a pong to a ping", async (open) => {
  const peer = await open();
  peer.send({ type: "ping" });
  assert.deepEqual(await peer.next(), { type: "pong" });
});
await ws("should return ping's payload through the pong", async (open) => {
  const peer = await open();
  peer.send({ type: "ping", payload: { iCome: "back" } });
  assert.deepEqual(await peer.next(), { type: "pong", payload: { iCome: "back" } });
});
await ws("should not react to a pong", async (open) => {
  const peer = await open();
  peer.send({ type: "pong" });
  await assertSilent(peer);
});
await ws("should close the socket on request if connection is not acknowledged", async (open) => {
  const peer = await open({ acknowledged: false });
  peer.send(subscribe("1", VIEWER));
  assert.deepEqual(await peer.closed(), { code: 4401, reason: "Unauthorized" });
});
await ws('should execute the query of `string` type, "next" the result and then "complete"', async (open) => {
  const peer = await open();
  peer.send(subscribe("1", VIEWER));
  assert.deepEqual(await peer.next(), { id: "1", type: "next", payload: { data: { viewer: { email } } } });
  assert.deepEqual(await peer.next(), { id: "1", type: "complete" });
});
await ws("should be able to complete a long running query before the result becomes available", async (open) => {
  const peer = await open();
  peer.send(subscribe("1", VIEWER));
  peer.send({ id: "1", type: "complete" });
  peer.send(subscribe("2", "{ __typename }"));
  // The first may have its result before its completion is read.
  const types = [];
  while (types.at(-1) !== "complete") {
    const { id, type } = await peer.next();
    if (id === "2") types.push(type);
  }
  assert.deepEqual(types, ["next", "complete"]);
  await assertSilent(peer);
});
await ws('should execute the query and "error" out because of validation errors', async (open) => {
  const peer = await open();
  peer.send(subscribe("1", "{ nothing }"));
  const { id, type, payload } = await peer.next();
  assert.deepEqual([id, type, payload.length], ["1", "error", 1]);
  assert.match(payload[0].message, /Cannot query field 'nothing'/);
  await assertSilent(peer);
});
await ws('should execute the subscription and "next" the published payload', async (open) => {
  const peer = await open();
  peer.send(subscribe("1", ACTIVE));
  const before = (await peer.next()).payload.data.activeBasket?.version ?? 0;
  await post(ADD, "application/json");
  assert.equal((await peer.next()).payload.data.activeBasket.version, before + 1);
});
await ws("should stop dispatching messages after completing a subscription", async (open) => {
  const peer = await open();
  peer.send(subscribe("1", ACTIVE));
  await peer.next();
  peer.send({ id: "1", type: "complete" });
  await assertSilent(peer);
  await post(ADD, "application/json");
  // A second watcher has its event, so the first would have had one, too.
  peer.send(subscribe("2", ACTIVE));
  assert.equal((await peer.next()).id, "2");
  await assertSilent(peer);
});
await ws("should close the socket on duplicate operation requests", async (open) => {
  const peer = await open();
  peer.send(subscribe("1", ACTIVE));
  await peer.next();
  peer.send(subscribe("1", ACTIVE));
  assert.deepEqual(await peer.closed(), { code: 4409, reason: "Subscriber for 1 already exists" });
});
await ws("should close the socket on duplicate operation requests even if one is still preparing", async (open) => {
  const peer = await open();
  for (const _ of "12") peer.send(subscribe("1", ACTIVE));
  assert.deepEqual(await peer.closed(), { code: 4409, reason: "Subscriber for 1 already exists" });
});
await ws("should not send a complete message back if the client sent it", async (open) => {
  const peer = await open();
  peer.send(subscribe("1", ACTIVE));
  await peer.next();
  peer.send({ id: "1", type: "complete" });
  await assertSilent(peer);
});
for (const name of ["should not close connection if a subscription iterable throws", "should not send complete after error when subscription iterable throws"]) {
  await ws(name, async (open) => {
    const peer = await open();
    peer.send(subscribe("1", 'subscription { basketChanges(basketId: "basket_0") { isComplete } }'));
    assert.equal((await peer.next()).type, "error");
    await assertSilent(peer);
    assert.equal(peer.socket.readyState, WebSocket.OPEN);
  });
}
await ws("should close the socket on an invalid message", async (open) => {
  const peer = await open();
  peer.send({ type: "nothing" });
  assert.equal((await peer.closed()).code, CloseCode.BadRequest);
});
await ws("should use the connection of several operations (client)", async () => {
  let connections = 0;
  const client = createWsClient({ url: socketUrl, connectionParams: headers, webSocketImpl: WebSocket, on: { connected: () => connections++ } });
  const emails = await Promise.all([1, 2, 3].map(async () => (await client.iterate({ query: VIEWER }).next()).value.data.viewer.email));
  assert.deepEqual([emails, connections], [[email, email, email], 1]);
  await client.dispose();
});

const sseClient = (more = {}) => createSseClient({ url, headers, retryAttempts: 0, ...more });
const next = (data) => `event: next\ndata: ${JSON.stringify({ data })}\n\n`;

await sse("should only accept valid accept headers", async () => {
  for (const [accept, status, type] of [
    ["gibberish", 406, "application/json; charset=utf-8"],
    ["application/json", 200, "application/json; charset=utf-8"],
    ["text/event-stream", 200, "text/event-stream; charset=utf-8"],
  ]) {
    const response = await post(VIEWER, accept);
    assert.deepEqual([response.status, response.headers.get("content-type")], [status, type]);
    await response.text();
  }
});
await sse("should treat event streams without reservations as regular requests", async () => {
  const response = await fetch(`${url}?query=${encodeURIComponent(VIEWER)}`, { headers: { ...headers, Accept: "text/event-stream" } });
  assert.equal(await response.text(), `:\n\n${next({ viewer: { email } })}event: complete\ndata:\n\n`);
});
await sse("should stream query operations to connected event stream and then disconnect", async () => {
  const response = await post(VIEWER, "text/event-stream");
  assert.equal(await response.text(), `:\n\n${next({ viewer: { email } })}event: complete\ndata:\n\n`);
});
await sse("should report operation validation issues by streaming them", async () => {
  const response = await post("{ nothing }", "text/event-stream");
  const text = await response.text();
  assert.match(text, /^:\n\nevent: next\ndata: \{"errors":\[\{"message":"Cannot query field 'nothing'[^\n]*\n\nevent: complete\ndata:\n\n$/);
});
await sse("should not perform mutations over GET", async () => {
  const response = await fetch(`${url}?query=${encodeURIComponent(ADD)}`, { headers: { ...headers, Accept: "text/event-stream" } });
  assert.deepEqual([response.status, response.headers.get("allow")], [405, "POST"]);
});
await sse("should iterate a single result query", async () => {
  const client = sseClient();
  const iterator = client.iterate({ query: VIEWER });
  assert.deepEqual(await iterator.next(), { done: false, value: { data: { viewer: { email } } } });
  assert.deepEqual(await iterator.next(), { done: true, value: undefined });
});
await sse("should iterate over subscription events", async () => {
  const iterator = sseClient().iterate({ query: ACTIVE });
  const before = (await iterator.next()).value.data.activeBasket.version;
  await post(ADD, "application/json");
  assert.equal((await iterator.next()).value.data.activeBasket.version, before + 1);
  await iterator.return();
});
await sse("should report execution errors to iterator", async () => {
  const iterator = sseClient().iterate({ query: "subscription {" });
  assert.equal((await iterator.next()).value.errors.length, 1);
  assert.equal((await iterator.next()).done, true);
});
await sse("should throw in iterator connection errors", async () => {
  const iterator = sseClient({ headers: { Authorization: "Token wrong" } }).iterate({ query: VIEWER });
  await assert.rejects(iterator.next(), (error) => error.response.status === 401);
});
await sse("should establish separate connections for each subscribe", async () => {
  let connections = 0;
  const client = sseClient({ on: { connected: () => connections++ } });
  const iterators = [client.iterate({ query: ACTIVE }), client.iterate({ query: ACTIVE })];
  for (const iterator of iterators) assert.ok((await iterator.next()).value.data.activeBasket.version);
  assert.equal(connections, 2);
  client.dispose();
});
await sse("should complete subscription when iterator loop breaks", async () => {
  for await (const { data } of sseClient().iterate({ query: ACTIVE })) {
    assert.ok(data.activeBasket.version);
    break;
  }
});

console.log(JSON.stringify(results));
process.exit(0);
