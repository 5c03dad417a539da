// urql follows by a stream of events: graphql-sse in its subscriptionExchange.
import { test } from 'node:test';
import { Client, subscriptionExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { createClient } from 'graphql-sse';
import { LiveEntriesDocument } from '../generated/types/graphql.js';
import { story, type Connect } from './live.js';

const connect: Connect = (url, token) => {
  // Who retries has to give the cursor of the last row, which graphql-sse does not know.
  const events = createClient({ url, headers: { Authorization: `Bearer ${token}` }, retryAttempts: 0 });
  const client = new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange({ keys: { EntryAppended: () => null } }),
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({ unsubscribe: events.subscribe({ query, variables: variables as Record<string, unknown> }, sink) }),
        }),
      }),
    ],
  });
  return {
    follow(variables, listener) {
      const following = client.subscription(LiveEntriesDocument, variables).subscribe(({ data, error }) => {
        if (error) listener.end(error);
        else if (data) listener.row(data.entryAppended);
      });
      return () => following.unsubscribe();
    },
    close: () => events.dispose(),
  };
};

test('urql follows the entries by a stream of events', (t) => story(t, 'urql, graphql-sse', connect, /^UNAUTHENTICATED$/));
