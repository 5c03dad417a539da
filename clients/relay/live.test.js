// Relay follows over a WebSocket (graphql-ws), and puts live rows in front of a list.
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { createClient } = require('graphql-ws');
const { WebSocket } = require('ws');
const { ConnectionHandler, Environment, fetchQuery, Network, Observable, RecordSource, requestSubscription, Store } = require('relay-runtime');

// In place of Relay's Babel plugin: a document is the artifact of its name.
const graphql = ([text]) => require(`./__generated__/${/(?:query|subscription) (\w+)/.exec(text)[1]}.graphql`);

const follow = graphql`
  subscription liveEntriesSubscription($filter: EntryFilter, $after: String, $connections: [ID!]!) {
    entryAppended(filter: $filter, after: $after) {
      cursor
      node @prependNode(connections: $connections, edgeTypeName: "EntryEdge") {
        id
        timestamp
        level
        message
        source
        metadata
        category {
          id
          code
        }
      }
    }
  }
`;
const list = graphql`
  query liveListQuery($filter: EntryFilter) {
    entries(first: 3, filter: $filter) @connection(key: "live_entries", filters: ["filter"]) {
      edges {
        node {
          id
          message
        }
      }
      liveCursor
    }
  }
`;

function connect(url, token) {
  const socket = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    retryAttempts: 0, // who retries has to give the cursor of the last row, which graphql-ws does not know
  });
  // Queries go over the socket too: it carries every operation.
  const send = ({ text }, variables) => Observable.create((sink) => socket.subscribe({ query: text, variables }, sink));
  const environment = new Environment({
    network: Network.create(send, send),
    store: new Store(new RecordSource()),
  });
  return {
    environment,
    follow(variables, listener) {
      const following = requestSubscription(environment, {
        subscription: follow,
        variables: { connections: [], ...variables },
        onNext: ({ entryAppended }) => listener.row(entryAppended),
        onError: (error) => listener.end(error),
      });
      return () => following.dispose();
    },
    close: () => void socket.dispose(),
  };
}

test('Relay follows the entries over a WebSocket', async (t) => {
  const { story } = await import('../generated/js/src/live.js');
  await story(t, 'Relay, graphql-ws', connect, /4403/);
});

test('Relay puts live rows in front of the list they belong to', async (t) => {
  const { ask, token, url } = await import('../generated/js/src/server.js');
  const { AddEntriesDocument } = await import('../generated/js/generated/types/graphql.js');
  const client = connect(url, token);
  t.after(() => client.close());
  const source = 'payment_service';
  const filter = { source: { eq: source } };
  const { entries } = await fetchQuery(client.environment, list, { filter }).toPromise();
  const connection = ConnectionHandler.getConnectionID('client:root', 'live_entries', { filter });
  await ask(AddEntriesDocument, { input: { entries: [{ message: 'live 1', source }, { message: 'live 2', source }] } });
  const rows = [];
  await new Promise((resolve, reject) => {
    const stop = client.follow({ filter, after: entries.liveCursor, connections: [connection] }, {
      row(row) {
        if (rows.push(row.node.message) === 2) resolve();
      },
      end: reject,
    });
    t.after(stop);
  });
  const store = client.environment.getStore().getSource();
  const messages = store.get(connection).edges.__refs.map((edge) => store.get(store.get(edge).node.__ref).message);
  assert.deepEqual(messages, ['live 2', 'live 1', ...entries.edges.map((edge) => edge.node.message)]);
  t.diagnostic('Relay, graphql-ws: a list of 3 and 2 live rows are a list of 5 in the store');
});
