// Asks by real clients with persisted queries on; prints each result with the requests it took.

import { createHash } from "node:crypto";
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { Client, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";

const url = process.argv[2];
const headers = { Authorization: "Token demo-main" };
// Names tell the texts of the clients apart, since the server remembers them for all.
const queriesOf = (client) => ["One", "Two", "One"].map((name) => `query ${name}${client} { viewer { email } }`);
const sha256 = (text) => createHash("sha256").update(text).digest("hex");

let methods = [];
const recordingFetch = (address, options) => {
  methods.push(options.method);
  return fetch(address, options);
};

const report = (client, data) => {
  console.log(JSON.stringify({ client, email: data?.viewer?.email ?? null, methods }));
  methods = [];
};

for (const useGETForHashedQueries of [false, true]) {
  const persisted = new PersistedQueryLink({ sha256, useGETForHashedQueries });
  const link = persisted.concat(new HttpLink({ uri: url, headers, fetch: recordingFetch }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  for (const query of queriesOf(useGETForHashedQueries ? "ApolloGet" : "Apollo")) {
    const result = await client.query({ query: gql(query), fetchPolicy: "no-cache" });
    report(useGETForHashedQueries ? "Apollo by GET" : "Apollo", result.data);
  }
}

for (const preferGetForPersistedQueries of [undefined, "force"]) {
  const exchanges = [persistedExchange({ preferGetForPersistedQueries }), fetchExchange];
  const client = new Client({ url, fetch: recordingFetch, fetchOptions: { headers }, exchanges });
  for (const query of queriesOf(preferGetForPersistedQueries ? "UrqlGet" : "Urql")) {
    const result = await client.query(query, {}, { requestPolicy: "network-only" }).toPromise();
    report(preferGetForPersistedQueries ? "urql by GET" : "urql", result.data);
  }
}
