// Watches by a module of docs/clients.md, which shows the active basket, the changes of one basket as well.
// Arguments: the module, the basket's id.
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket;

const [path, basketId] = process.argv.slice(2);
const { watch } = await import(path);
const { follow } = await import("./live-follow.mjs");

const query = `subscription ($basketId: ID!) {
  basketChanges(basketId: $basketId) { isComplete items { quantity } basket { version } }
}`;

function show({ basket, isComplete, items }) {
  console.log("changes", basket.version, isComplete, items.map((item) => item.quantity).join(","));
}

if (path.startsWith("./live-graphql")) {
  follow(watch, basketId, 1, show);
} else {
  watch(query, { basketId }, ({ basketChanges }) => show(basketChanges));
}
