// Apollo Client follows over a WebSocket: graphql-ws by its GraphQLWsLink.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, InMemoryCache, type OperationVariables, type TypedDocumentNode } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import {
  AddOneOfEachOtherDocument, LiveApiCallsDocument, LiveAuditEventsDocument, LiveEntriesDocument, LiveOperationsDocument, LiveUsageDocument,
} from '../generated/types/graphql.js';
import { story, type Connect } from './live.js';
import { ask, token, url } from './server.js';

// A browser has it, Node.js from 22 on; Apollo's link looks for the global one.
Object.assign(globalThis, { WebSocket });

function over(address: string, as: string) {
  const socket = createClient({
    url: address.replace(/^http/, 'ws'),
    connectionParams: { Authorization: `Bearer ${as}` },
    retryAttempts: 0, // who retries has to give the cursor of the last row, which graphql-ws does not know
  });
  return { socket, client: new ApolloClient({ link: new GraphQLWsLink(socket), cache: new InMemoryCache() }) };
}

const connect: Connect = (address, as) => {
  const { socket, client } = over(address, as);
  return {
    follow(variables, listener) {
      const following = client.subscribe({ query: LiveEntriesDocument, variables }).subscribe({
        next({ data, error }) {
          if (error) listener.end(error);
          else if (data) listener.row(data.entryAppended);
        },
        error: (error) => listener.end(error),
      });
      return () => following.unsubscribe();
    },
    close: () => void socket.dispose(),
  };
};

test('Apollo Client follows the entries over a WebSocket', (t) => story(t, 'Apollo Client, graphql-ws', connect, /4403/));

test('Apollo Client follows other kinds over one WebSocket', async (t) => {
  const { socket, client } = over(url, token);
  t.after(() => void socket.dispose());
  // These begin with the first row after they are accepted, of which a socket does not
  // tell: the row that is waited for is appended until it is there.
  const first = <Data, Variables extends OperationVariables>(query: TypedDocumentNode<Data, Variables>, variables: Variables) =>
    new Promise<Data>((resolve, reject) => {
      const following = client.subscribe({ query, variables }).subscribe({
        next({ data, error }) {
          if (error) reject(error);
          else if (data) resolve(data as Data);
        },
        error: reject,
      });
      t.after(() => following.unsubscribe());
    });
  const rows = Promise.all([
    // Logbook's own audit events and operations, of tokens that tests before revoked, may come meanwhile.
    first(LiveAuditEventsDocument, { filter: { key: { eq: 'SignIn.Live' } } }),
    first(LiveOperationsDocument, { filter: { module: { eq: 'live' } } }),
    first(LiveUsageDocument, {}), first(LiveApiCallsDocument, {}),
  ]);
  const there = rows.then(() => true, () => true);
  do {
    await ask(AddOneOfEachOtherDocument, {
      auditEvent: { key: 'SignIn.Live', payload: { by: 'apollo' } },
      operation: { action: 'VIEW', module: 'live', requestData: { password: 'secret' } },
      usageRecord: { type: 'CONSUME', modelName: 'live-model', quota: 7 },
      apiCall: { appId: 'live', apiPath: '/live', httpMethod: 'GET', statusCode: 204 },
    });
  } while (!(await Promise.race([there, new Promise((resolve) => { setTimeout(resolve, 100, false); })])));
  const [audit, operation, usage, call] = await rows;
  const { key, payload } = audit.auditEventAppended.node;
  assert.deepEqual({ key, payload }, { key: 'SignIn.Live', payload: { by: 'apollo' } });
  assert.deepEqual(operation.operationAppended.node.requestData, { password: '***' });
  assert.equal(usage.usageRecordAppended.node.quota satisfies number, 7);
  assert.equal(call.apiCallAppended.node.statusCode satisfies number, 204);
  t.diagnostic('Apollo Client, graphql-ws: 4 subscriptions on one socket, a row of each');
});
