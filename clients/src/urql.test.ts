// urql with its normalized cache and automatic persisted queries.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { persistedExchange } from '@urql/exchange-persisted';
import { AddEntryDocument, EntryDetailDocument, EntryPageDocument } from '../generated/types/graphql.js';
import { entryOf, headers, recorder, url } from './server.js';

// Objects that are no thing of their own have no key.
const keyless = Object.fromEntries(['EntryConnection', 'EntryEdge', 'PageInfo', 'CreateEntryPayload'].map((name) => [name, () => null]));

const Headline = gql<{ entry: { id: string; message: string } | null }>`
  query Headline($id: ID!) {
    entry(id: $id) {
      id
      message
    }
  }
`;

function connect() {
  const { calls, fetch } = recorder();
  const client = new Client({
    url,
    fetch,
    fetchOptions: { headers },
    preferGetMethod: false,
    exchanges: [
      cacheExchange({ keys: keyless, resolvers: { Query: { entries: relayPagination(), entry: (_, { id }) => ({ __typename: 'Entry', id: String(id) }) } } }),
      persistedExchange({ preferGetForPersistedQueries: true }),
      fetchExchange,
    ],
  });
  return { client, calls };
}

test('urql: pages, a detail, a mutation, one cache', async (t) => {
  const { client, calls } = connect();
  const added = await client.mutation(AddEntryDocument, { input: entryOf('urql') });
  assert.equal(added.error, undefined);
  const entry = added.data?.createEntry?.entry;
  assert(entry, 'createEntry answers the entry');
  assert.equal(entry.timestamp, '2026-05-04T03:02:01.500Z');
  assert.deepEqual(entry.metadata, { nested: [1, { two: null }] });

  const filter = { source: { eq: 'order_service' } };
  const first = await client.query(EntryPageDocument, { filter, first: 3 });
  assert.equal(first.error, undefined);
  const page = first.data?.entries;
  assert(page?.pageInfo.hasNextPage && page.pageInfo.endCursor, 'there is a second page');
  const both = await client.query(EntryPageDocument, { filter, first: 3, after: page.pageInfo.endCursor });
  const whole = await connect().client.query(EntryPageDocument, { filter, first: 6 });
  const ids = whole.data?.entries.edges.map((edge) => edge.node.id);
  assert.equal(ids?.length, 6);
  assert.deepEqual(both.data?.entries.edges.map((edge) => edge.node.id), ids, 'the cache joins the pages');

  const detail = await client.query(EntryDetailDocument, { id: entry.id });
  assert.equal(detail.data?.entry?.message, 'urql wrote this');
  // Whatever brought an entry, it is one object: what the page told of this one, and
  // the mutation and the detail of the other, need not be asked for again.
  const asked = calls.length;
  const listed = await client.query(Headline, { id: ids[0] });
  assert.equal(listed.data?.entry?.message, whole.data?.entries.edges[0]?.node.message);
  const own = await client.query(Headline, { id: entry.id });
  assert.equal(own.data?.entry?.message, 'urql wrote this');
  assert.equal(calls.length, asked);
  t.diagnostic('urql: 4 queries, 1 mutation; what the cache holds is not asked for again');
});

test('urql: automatic persisted queries', async (t) => {
  // No other test sends this document, so that the server does not know it yet.
  const query = gql`
    query UrqlLearns {
      me {
        id
        role
      }
    }
  `;
  for (const want of [
    [{ method: 'GET', sentQuery: false, status: 400 }, { method: 'GET', sentQuery: true, status: 200 }],
    [{ method: 'GET', sentQuery: false, status: 200 }],
  ]) {
    const { client, calls } = connect();
    const { data, error } = await client.query<{ me: { role: string } }>(query, {});
    assert.equal(error, undefined);
    assert.equal(data?.me.role, 'ADMIN');
    assert.deepEqual(calls, want);
  }
  t.diagnostic('urql: a document sent once, from then on its hash, by GET');
});

test('urql: an error has its code', async () => {
  const { error } = await connect().client.query(EntryDetailDocument, { id: 'no uuid' });
  assert.equal(error?.graphQLErrors[0]?.extensions['code'], 'BAD_USER_INPUT');
});
