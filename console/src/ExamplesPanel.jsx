import { PlayIcon, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { describe, groups } from './examples.js';

/** The examples, kind by kind; a click opens one in a tab of its own. */
function ExamplesPanel() {
  const { addTab, changeTab, stop } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);

  function open({ query, variables = '' }) {
    const index = tabs.findIndex((tab) => tab.query === query);
    if (index >= 0) {
      changeTab(index);
      return;
    }
    // addTab, unlike changeTab, lets a subscription run on, into the new tab.
    stop();
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables);
  }

  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      {groups.map(({ name, examples }) => (
        <section key={name} aria-label={name}>
          <h3>{name}</h3>
          <ul>
            {examples.map(describe).map(({ title, about, example }) => (
              <li key={title}>
                <button type="button" onClick={() => open(example)}>{title}</button>
                <span>{about}</span>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </section>
  );
}

/** The panel's place in GraphiQL's bar at the left. */
export const examplesPlugin = { title: 'Examples', icon: PlayIcon, content: ExamplesPanel };
