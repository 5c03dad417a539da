import { useEffect, useMemo, useState } from 'react';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { firstTabs } from './examples.js';
import { examplesPlugin } from './ExamplesPanel.jsx';
import { createFetcher } from './fetcher.js';
import { loadToken, saveToken } from './token.js';
import { TokenField } from './TokenField.jsx';

// One array for good: GraphiQL sets its panels up anew when it gets another.
const plugins = [HISTORY_PLUGIN, examplesPlugin];

/** The whole page: a bar with the token, and GraphiQL below it. */
export function App() {
  const [token, setToken] = useState(loadToken);
  // GraphiQL loads the schema again whenever the fetcher is a new one, which
  // is what a new token calls for: the schema may be closed to strangers.
  const fetcher = useMemo(() => createFetcher(token), [token]);
  // A token that is forgotten follows nothing any more.
  useEffect(() => fetcher.dispose, [fetcher]);

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
          defaultTabs={firstTabs}
          plugins={plugins}
          visiblePlugin={examplesPlugin}
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
