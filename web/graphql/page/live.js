"use strict";

// Subscriptions of the page: server-sent events by fetch, because an EventSource sends no token.
const RECONNECT_MILLISECONDS = 1000;

function isStream(response) {
  return Boolean(response?.headers.get("Content-Type")?.startsWith("text/event-stream"));
}

// Returns what GraphiQL subscribes to; its stop button unsubscribes.
function watch(request, response, stop) {
  return {
    subscribe(observer) {
      follow(request, response, observer).catch((error) => {
        if (!stop.signal.aborted) observer.error(error);
      });
      return { unsubscribe: () => stop.abort() };
    },
  };
}

// A stream that was cut, as by a server that restarts, is not over: it is asked for again.
async function follow(request, response, observer) {
  while (!(await receive(request, response, observer))) {
    showNotice("The connection was lost; trying again.");
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MILLISECONDS));
    request.signal.throwIfAborted();
    response = await fetch(window.location.pathname, request).catch(() => null);
  }
  observer.complete();
}

// Returns whether the subscription is over.
async function receive(request, response, observer) {
  if (isStream(response)) {
    showNotice("");
    return readEvents(response.body.getReader(), observer).catch(() => false);
  }
  if (!response || response.status === 503) return false;
  observer.next(await readResult(request.headers, response));
  return true;
}

async function readEvents(reader, observer) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return false;
    const events = (text + decoder.decode(value, { stream: true })).split("\n\n");
    text = events.pop();
    for (const event of events) {
      if (event.startsWith("event: complete")) return true;
      // Everything else is a heartbeat, which tells only that the connection lives.
      if (event.startsWith("event: next\ndata: ")) observer.next(JSON.parse(event.slice(18)));
    }
  }
}
