// The server audits of graphql-http: how the GraphQL over HTTP specification is kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditServer } from 'graphql-http';

test('GraphQL over HTTP', async (t) => {
  const results = await auditServer({
    url: `${process.env.LOGBOOK_URL}/graphql`,
    fetchFn: (url, init = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${process.env.LOGBOOK_TOKEN}` } }),
  });
  const others = results.filter(({ status }) => status !== 'ok');
  t.diagnostic(`audits: ${results.length - others.length} of ${results.length} pass`);
  assert.deepEqual(others.map(({ id, name, status, reason }) => `${status} ${id} ${name}: ${reason}`), []);
  assert.equal(results.length, 61);
});
