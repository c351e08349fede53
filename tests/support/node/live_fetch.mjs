// Reads responses with and without the end of their protocol by the fetch of docs/clients.md; prints what happened.
import { createServer } from "node:http";
import { fetchLive } from "./live-fetch.mjs";

const EVENTS = "text/event-stream; charset=utf-8";
const PARTS = 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"';
const BODIES = {
  "/events": [EVENTS, "event: next\ndata: {}\n\n", "event: complete\ndata:\n\n"],
  "/cut-events": [EVENTS, "event: next\ndata: {}\n\n"],
  "/parts": [PARTS, "\r\n--graphql\r\n\r\n{}\r\n--graphql", "--\r\n"],
  "/cut-parts": [PARTS, "\r\n--graphql\r\n\r\n{}\r\n--graphql"],
  "/json": ["application/json", "{}"],
};

const server = createServer((request, response) => {
  const [type, ...pieces] = BODIES[request.url];
  response.setHeader("Content-Type", type);
  for (const piece of pieces) response.write(piece);
  response.end();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
for (const path of Object.keys(BODIES)) {
  const response = await fetchLive(`http://127.0.0.1:${server.address().port}${path}`, {});
  const outcome = await response.text().then(() => "whole", (error) => error.message);
  console.log(path, outcome);
}
server.close();
server.closeAllConnections();
