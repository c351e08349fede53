// Runs every audit of the package graphql-http against a server and prints the results as JSON.
// Arguments: the address, the token, and the media type that is accepted where an audit does not say which.
import { auditServer } from 'graphql-http';

const [url, token, accept] = process.argv.slice(2);

async function fetchFn(address, options = {}) {
  const headers = { accept, 'x-requested-with': 'audit', ...options.headers, authorization: `Token ${token}` };
  if (accept === 'none' && !options.headers?.accept) delete headers.accept;
  return fetch(address, { ...options, headers });
}

const results = await auditServer({ url, fetchFn });
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
