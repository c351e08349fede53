"use strict";

// The visitor's token stays in this browser, and is sent with every request of the page.
const STORED_TOKEN = "basket:token";
const UPLOAD_VARIABLE = /\$(\w+)\s*:\s*Upload\b/;

const root = document.getElementById("graphiql");
const bar = document.getElementById("bar");
const tokenInput = document.getElementById("token");
const fileInput = document.getElementById("file");
const notice = document.getElementById("notice");

function readToken() {
  return localStorage.getItem(STORED_TOKEN) || root.dataset.token;
}

function failure(message) {
  return { errors: [{ message: message }] };
}

function uploadBody(parameters, variable, file) {
  const variables = { ...parameters.variables, [variable]: null };
  const body = new FormData();
  body.append("operations", JSON.stringify({ ...parameters, variables: variables }));
  body.append("map", JSON.stringify({ 0: ["variables." + variable] }));
  body.append("0", file);
  return body;
}

async function send(headers, body) {
  const stop = new AbortController();
  const request = { method: "POST", headers: headers, body: body, signal: stop.signal };
  const response = await fetch(window.location.pathname, request);
  return isStream(response) ? watch(request, response, stop) : readResult(headers, response);
}

async function readResult(headers, response) {
  // A late response to a request with an earlier token says nothing of the present one.
  const isPresent = headers.Authorization === "Token " + readToken();
  if (response.status === 401 && isPresent) {
    askForToken("This token is not accepted.");
    return failure("The token is not accepted.");
  }
  try {
    return await response.json();
  } catch {
    return failure("The server answered with status " + response.status + ".");
  }
}

async function fetcher(parameters, options) {
  const headers = {
    // Only a subscription is answered by events.
    Accept: "application/graphql-response+json, application/json, text/event-stream",
    Authorization: "Token " + readToken(),
    ...options?.headers,
  };
  const upload = UPLOAD_VARIABLE.exec(parameters.query);
  if (!upload || parameters.operationName === "IntrospectionQuery") {
    return send({ ...headers, "Content-Type": "application/json" }, JSON.stringify(parameters));
  }
  const file = fileInput.files[0];
  if (!file) {
    return failure("Choose a file in the bar at the top of the page first.");
  }
  return send(headers, uploadBody(parameters, upload[1], file));
}

function linked() {
  const link = new URLSearchParams(window.location.search);
  return { query: link.get("query") || undefined, variables: link.get("variables") || undefined };
}

function Page() {
  const [shown, setShown] = React.useState(linked().query);
  const [edited, setEdited] = React.useState(linked().query);

  function edit(query) {
    setShown(query);
    setEdited(query);
  }

  function showTab(state) {
    const tab = state.tabs[state.activeTabIndex];
    setShown(tab?.query ?? "");
    setEdited(undefined);
  }

  const explorer = GraphiQLPluginExplorer.useExplorerPlugin({ query: shown, onEdit: edit });
  return React.createElement(GraphiQL, {
    fetcher: fetcher,
    query: edited,
    variables: linked().variables,
    defaultTabs: JSON.parse(document.getElementById("operations").textContent),
    onEditQuery: setShown,
    onTabChange: showTab,
    plugins: [explorer],
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  });
}

function showNotice(message) {
  notice.textContent = message;
}

function show() {
  showNotice("");
  tokenInput.value = readToken();
  ReactDOM.render(React.createElement(Page), root);
}

function askForToken(reason) {
  showNotice(reason);
  tokenInput.focus();
}

bar.addEventListener("submit", (event) => {
  event.preventDefault();
  localStorage.setItem(STORED_TOKEN, tokenInput.value.trim());
  // A page that showed what another person sees starts afresh.
  ReactDOM.unmountComponentAtNode(root);
  start();
});

function start() {
  if (readToken()) {
    show();
  } else {
    askForToken("Paste your token and press “Use this token”.");
  }
}

start();
