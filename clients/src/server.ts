// The server under test: run.mjs starts it and says where it is.
import assert from 'node:assert/strict';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';

const { LOGBOOK_URL, LOGBOOK_TOKEN } = process.env;
assert(LOGBOOK_URL && LOGBOOK_TOKEN, 'start the tests by "npm test", which starts the server');

export const url = `${LOGBOOK_URL}/graphql`;
export const token = LOGBOOK_TOKEN;
export const headers = { authorization: `Bearer ${token}` };

/** Asks beside the client under test, and wants no errors. */
export async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** A `fetch` that keeps how each request was sent and answered, oldest first. */
export function recorder() {
  const calls: { method: string; sentQuery: boolean; status: number }[] = [];
  const recorded: typeof fetch = async (input, init) => {
    const sent = init?.body ? (JSON.parse(String(init.body)) as object) : Object.fromEntries(new URL(String(input)).searchParams);
    const response = await fetch(input, init);
    calls.push({
      method: init?.method ?? 'GET',
      sentQuery: 'query' in sent && Boolean(sent.query),
      status: response.status,
    });
    return response;
  };
  return { calls, fetch: recorded };
}

/** An entry that no other test asks about: its own source. */
export const entryOf = (source: string) => ({
  message: `${source} wrote this`,
  level: 'WARNING' as const,
  source,
  timestamp: '2026-05-04T03:02:01.5Z',
  metadata: { nested: [1, { two: null }] },
});
