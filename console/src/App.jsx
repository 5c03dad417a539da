import { useMemo, useState } from 'react';
import { GraphiQL } from 'graphiql';
import { examples } from './examples.js';
import { createFetcher } from './fetcher.js';
import { loadToken, saveToken } from './token.js';
import { TokenField } from './TokenField.jsx';

/** The whole page: a bar with the token, and GraphiQL below it. */
export function App() {
  const [token, setToken] = useState(loadToken);
  // GraphiQL loads the schema again whenever the fetcher is a new one, which
  // is what a new token calls for: the schema may be closed to strangers.
  const fetcher = useMemo(() => createFetcher(token), [token]);

  function changeToken(next) {
    saveToken(next);
    setToken(next);
  }

  return (
    <>
      <header className="bar">
        <h1>Logbook <small>playground</small></h1>
        <TokenField token={token} onChange={changeToken} />
      </header>
      <main>
        {/* No headers editor: GraphiQL writes its content into the history in
            localStorage, where a token must not land. */}
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={examples}
          defaultEditorToolsVisibility="variables"
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
          inputValueDeprecation
          schemaDescription
        >
          <GraphiQL.Logo><span className="endpoint">POST /graphql</span></GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}
