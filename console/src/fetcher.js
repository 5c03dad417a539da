// The playground's only way to the server.
import { getOperationAST, Kind, parse } from 'graphql';
import { createClient } from 'graphql-sse';

const endpoint = '/graphql';

/** How many answers of a subscription the page keeps; older ones make room. */
const kept = 100;

/** Milliseconds between two pictures of a subscription: a batch is shown at once. */
const pause = 100;

/**
 * Returns a GraphiQL fetcher that sends token as a bearer token, or no
 * credentials at all where token is empty. Queries and mutations are answered
 * by one object, subscriptions by an observable of pictures: see follow. Its
 * dispose ends the subscriptions that run.
 */
export function createFetcher(token) {
  // Tokens travel in the header only.
  const credentials = 'omit';
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  // No retries: the page cannot know which cursor to go on from, and would
  // leave a gap that nobody sees.
  const client = createClient({ url: endpoint, headers, credentials, retryAttempts: 0 });

  async function ask(request) {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: {
        ...headers,
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        'Content-Type': 'application/json',
      },
      body: JSON.stringify(request),
      credentials,
    });
    return readAnswer(response);
  }

  function fetcher({ query, variables, operationName }) {
    const operation = chosen(query, operationName);
    const request = { query, variables, operationName: operation ? operation.name?.value : operationName };
    return operation?.operation === 'subscription' ? follow(client, request) : ask(request);
  }
  fetcher.dispose = () => client.dispose();
  return fetcher;
}

/**
 * The answer in a response. One that is not GraphQL (a proxy's error page, say)
 * comes back as a GraphQL error, so that the page shows it where a reader looks.
 */
async function readAnswer(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    const status = `HTTP ${response.status} ${response.statusText}`.trim();
    return { errors: [{ message: `${status}: ${text.slice(0, 500) || 'empty response'}` }] };
  }
}

/**
 * The operation that is to run: the only one, or else the one of that name.
 * GraphiQL reads names a moment after the last key, so that of a document just
 * typed or opened may still be another's. Nothing where the document is not
 * well-formed or has no such operation; the server says what is wrong.
 */
function chosen(query, operationName) {
  try {
    const document = parse(query);
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    return operations.length === 1 ? operations[0] : getOperationAST(document, operationName);
  } catch {
    return null;
  }
}

/**
 * An observable of what a subscription has brought so far: the number of
 * answers, the newest of them first, and the errors that ended it. GraphiQL
 * shows one result at a time; answers one by one would leave the last only.
 */
function follow(client, request) {
  function subscribe(observer) {
    const picture = { received: 0, newestFirst: [] };
    let timer;
    let stopped = false;
    function show() {
      clearTimeout(timer);
      timer = undefined;
      if (!stopped) observer.next({ ...picture });
    }
    function end() {
      show();
      if (!stopped) observer.complete();
    }
    const unsubscribe = client.subscribe(request, {
      next(answer) {
        if (answer.data) {
          picture.received += 1;
          picture.newestFirst = [answer, ...picture.newestFirst.slice(0, kept - 1)];
        } else {
          picture.errors = answer.errors;
        }
        timer ??= setTimeout(show, pause);
      },
      complete: end,
      async error(error) {
        const { errors } = error.response ? await readAnswer(error.response) : {};
        picture.errors = errors ?? [{ message: `The stream broke off: ${error.message}` }];
        end();
      },
      // Once the server has accepted, so that the page says that it listens.
    }, { connected: show });
    return {
      unsubscribe() {
        stopped = true;
        unsubscribe();
        clearTimeout(timer);
      },
    };
  }
  return { subscribe };
}
