// Relay: what relay-compiler makes of a paginated fragment runs in Relay's own store.
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { commitMutation, createOperationDescriptor, ConnectionHandler, Environment, fetchQuery, Network, RecordSource, Store } = require('relay-runtime');

// In place of Relay's Babel plugin: a document is the artifact of its name.
const graphql = ([text]) => require(`./__generated__/${/(?:query|mutation|fragment) (\w+)/.exec(text)[1]}.graphql`);

const list = graphql`
  fragment entriesList on Query
  @argumentDefinitions(count: { type: "Int", defaultValue: 3 }, cursor: { type: "String" }, filter: { type: "EntryFilter" })
  @refetchable(queryName: "entriesListRefetchQuery") {
    entries(first: $count, after: $cursor, filter: $filter) @connection(key: "entriesList_entries", filters: ["filter"]) {
      edges {
        node {
          id
          message
          level
          timestamp
          metadata
          category {
            code
          }
        }
      }
    }
  }
`;
const page = graphql`
  query entriesPageQuery($filter: EntryFilter) {
    ...entriesList @arguments(filter: $filter)
  }
`;
const detail = graphql`
  query entriesDetailQuery($id: ID!) {
    entry(id: $id) {
      id
      message
      requestId
    }
  }
`;
const line = graphql`
  fragment entriesLine on Entry @refetchable(queryName: "entriesLineRefetchQuery") {
    id
    message
    requestId
  }
`;
const kinds = graphql`
  query entriesKindsQuery($id: ID!) {
    operation(id: $id) {
      id
      createdAt
    }
    usageRecord(id: $id) {
      id
      content
    }
  }
`;
const add = graphql`
  mutation entriesAddMutation($input: CreateEntryInput!, $connections: [ID!]!) {
    createEntry(input: $input) {
      entry @prependNode(connections: $connections, edgeTypeName: "EntryEdge") {
        id
        message
        level
        timestamp
        metadata
        category {
          code
        }
      }
    }
  }
`;

function connect() {
  const network = Network.create(async ({ text }, variables) => {
    const response = await fetch(`${process.env.LOGBOOK_URL}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${process.env.LOGBOOK_TOKEN}` },
      body: JSON.stringify({ query: text, variables }),
    });
    return response.json();
  });
  return new Environment({
    network,
    store: new Store(new RecordSource()),
  });
}

const ask = (environment, query, variables) => fetchQuery(environment, query, variables, { fetchPolicy: 'network-only' }).toPromise();

// idsOf lists the ids of the connection as the store holds it.
function idsOf(environment, filter) {
  const source = environment.getStore().getSource();
  const connection = source.get(connectionOf(filter));
  return connection.edges.__refs.map((edge) => source.get(source.get(edge).node.__ref).id);
}

const connectionOf = (filter) => ConnectionHandler.getConnectionID('client:root', 'entriesList_entries', { filter });

test('Relay: pages of a connection, a detail, a mutation, one store', async (t) => {
  const environment = connect();
  const filter = { source: { eq: 'payment_service' } };
  assert(list.metadata.connection, 'the fragment has a connection');

  const first = await ask(environment, page, { filter });
  assert.equal(first.entriesList, undefined, 'the fragment is masked');
  const three = idsOf(environment, filter);
  assert.equal(three.length, 3);
  const { endCursor, hasNextPage } = endOf(environment, filter);
  assert.equal(hasNextPage, true);
  await ask(environment, list.metadata.refetch.operation, { filter, count: 4, cursor: endCursor });
  const seven = idsOf(environment, filter);
  await ask(environment, list.metadata.refetch.operation, { filter, count: 7, cursor: null });
  assert.deepEqual(seven, idsOf(environment, filter), 'the store joins the pages');
  assert.deepEqual(seven.slice(0, 3), three);
  assert.equal(new Set(seven).size, 7);

  const input = { message: 'relay wrote this', level: 'ERROR', source: 'relay', metadata: { a: [1] } };
  const { createEntry } = await new Promise((onCompleted, onError) => {
    commitMutation(environment, { mutation: add, variables: { input, connections: [connectionOf(filter)] }, onCompleted, onError });
  });
  assert.equal(createEntry.entry.message, 'relay wrote this');
  assert.deepEqual(idsOf(environment, filter), [createEntry.entry.id, ...seven], 'it is in front of the list');

  const { entry } = await ask(environment, detail, { id: createEntry.entry.id });
  assert.deepEqual(entry, { id: createEntry.entry.id, message: 'relay wrote this', requestId: null });
  const objects = environment.getStore().getSource().getRecordIDs().filter((id) => id.startsWith('Entry:'));
  assert.deepEqual(objects.sort(), [entry.id, ...seven].sort());
  t.diagnostic('Relay: 4 queries, 1 mutation; 8 entries are 8 records of the store');
});

test('Relay: a fragment is refetched by node(id)', async (t) => {
  const environment = connect();
  const filter = { source: { eq: 'payment_service' } };
  await ask(environment, page, { filter });
  const [id, ...others] = idsOf(environment, filter);
  const { fragmentPathInResult, identifierInfo, operation } = line.metadata.refetch;
  assert.deepEqual([fragmentPathInResult, identifierInfo.identifierField], [['node'], 'id'], 'relay-compiler asks Query.node for it');

  const entryOf = (dataID) => environment.getStore().getSource().get(dataID);
  const { message } = entryOf(id);
  assert.equal('requestId' in entryOf(id), false, 'the list did not ask for it');
  await ask(environment, operation, { [identifierInfo.identifierQueryVariableName]: id });
  assert.match(entryOf(id).requestId, /^req-/);
  assert.equal(entryOf(id).message, message);
  const objects = environment.getStore().getSource().getRecordIDs().filter((key) => key.startsWith('Entry:'));
  assert.deepEqual(objects.sort(), [id, ...others].sort());
  t.diagnostic('Relay: node(id) refetches one of 3 entries into its record');
});

test('Relay: two kinds may have one number', async () => {
  const environment = connect();
  const { operation, usageRecord } = await ask(environment, kinds, { id: '7' });
  assert.deepEqual([operation.id, usageRecord.id], ['Operation:7', 'UsageRecord:7']);
  const { data } = environment.lookup(createOperationDescriptor(kinds, { id: '7' }).fragment);
  assert.deepEqual(data, { operation, usageRecord });
});

function endOf(environment, filter) {
  const source = environment.getStore().getSource();
  return source.get(source.get(connectionOf(filter)).pageInfo.__ref);
}
