// Apollo Client with its normalized cache and automatic persisted queries.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { relayStylePagination } from '@apollo/client/utilities';
import { AddEntryDocument, EntryDetailDocument, EntryPageDocument } from '../generated/types/graphql.js';
import { entryOf, headers, recorder, url } from './server.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function connect() {
  const { calls, fetch } = recorder();
  const client = new ApolloClient({
    link: new PersistedQueryLink({ sha256, useGETForHashedQueries: true }).concat(new HttpLink({ uri: url, headers, fetch })),
    cache: new InMemoryCache({ typePolicies: { Query: { fields: { entries: relayStylePagination(['filter']) } } } }),
  });
  return { client, calls };
}

test('Apollo Client: pages, a detail, a mutation, one cache', async (t) => {
  const { client } = connect();
  const added = await client.mutate({ mutation: AddEntryDocument, variables: { input: entryOf('apollo') } });
  const entry = added.data?.createEntry?.entry;
  assert(entry, 'createEntry answers the entry');
  assert.equal(entry.timestamp, '2026-05-04T03:02:01.500Z');
  assert.equal(entry.level, 'WARNING');
  assert.deepEqual(entry.metadata, { nested: [1, { two: null }] });

  const filter = { source: { eq: 'scheduler' } };
  const watched = client.watchQuery({ query: EntryPageDocument, variables: { filter, first: 3 } });
  const watching = watched.subscribe({});
  t.after(() => watching.unsubscribe());
  const first = await client.query({ query: EntryPageDocument, variables: { filter, first: 3 } });
  const page = first.data?.entries;
  assert(page?.pageInfo.hasNextPage && page.pageInfo.endCursor, 'there is a second page');
  await watched.fetchMore({ variables: { after: page.pageInfo.endCursor } });
  const whole = await client.query({ query: EntryPageDocument, variables: { filter, first: 6 }, fetchPolicy: 'no-cache' });
  const joined = client.readQuery({ query: EntryPageDocument, variables: { filter } });
  const ids = whole.data?.entries.edges.map((edge) => edge.node.id);
  assert.equal(ids?.length, 6);
  assert.deepEqual(joined?.entries.edges.map((edge) => edge.node.id), ids, 'the cache joins the pages');
  assert.equal(joined?.entries.totalCount, whole.data?.entries.totalCount);

  // The entry of the mutation is the detail's and the page's: one object.
  const detail = await client.query({ query: EntryDetailDocument, variables: { id: entry.id } });
  assert.equal(detail.data?.entry?.message, 'apollo wrote this');
  const filtered = await client.query({ query: EntryPageDocument, variables: { filter: { source: { eq: 'apollo' } } } });
  assert.deepEqual(filtered.data?.entries.edges.map((edge) => edge.node.id), [entry.id]);
  const objects = Object.keys(client.extract() as object).filter((key) => key.startsWith('Entry:'));
  assert.deepEqual(objects.sort(), [entry.id, ...ids].map((id) => `Entry:${id}`).sort());
  t.diagnostic('Apollo Client: 5 queries, 1 mutation; 7 entries are 7 objects of the cache');
});

test('Apollo Client: automatic persisted queries', async (t) => {
  // No other test sends this document, so that the server does not know it yet.
  const query = gql`
    query ApolloLearns {
      me {
        id
        role
      }
    }
  `;
  for (const want of [
    [{ method: 'GET', sentQuery: false, status: 400 }, { method: 'POST', sentQuery: true, status: 200 }],
    [{ method: 'GET', sentQuery: false, status: 200 }],
  ]) {
    const { client, calls } = connect();
    const { data } = await client.query<{ me: { role: string } }>({ query });
    assert.equal(data?.me.role, 'ADMIN');
    assert.deepEqual(calls, want);
  }
  t.diagnostic('Apollo Client: a document sent once, from then on its hash, by GET');
});

test('Apollo Client: an error has its code', async () => {
  const { client } = connect();
  const { error } = await client.query({ query: EntryDetailDocument, variables: { id: 'no uuid' }, errorPolicy: 'all' });
  assert(error && 'errors' in error, String(error));
  const [first] = error.errors as { extensions: { code: string } }[];
  assert.equal(first?.extensions.code, 'BAD_USER_INPUT');
});
