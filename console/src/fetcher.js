// The playground's only way to the server. Subscriptions, once they are
// served, belong here: return an async iterable for an operation of that type.

const endpoint = '/graphql';

/**
 * Returns a GraphiQL fetcher that sends token as a bearer token, or no
 * credentials at all where token is empty. A response that is not GraphQL (a
 * proxy's error page, say) comes back as a GraphQL error, so that the page
 * shows it where a reader looks.
 */
export function createFetcher(token) {
  return async function fetcher({ query, variables, operationName }) {
    const headers = {
      Accept: 'application/graphql-response+json, application/json;q=0.9',
      'Content-Type': 'application/json',
    };
    if (token) headers.Authorization = `Bearer ${token}`;
    const response = await fetch(endpoint, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables, operationName }),
      // Tokens travel in the header only.
      credentials: 'omit',
    });
    const text = await response.text();
    try {
      return JSON.parse(text);
    } catch {
      const status = `HTTP ${response.status} ${response.statusText}`.trim();
      return { errors: [{ message: `${status}: ${text.slice(0, 500) || 'empty response'}` }] };
    }
  };
}
