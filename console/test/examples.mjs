// Checks every example query of the playground against the schema.
import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, parse, validate } from 'graphql';
import { describe, firstTabs, groups } from '../src/examples.js';

const path = new URL('../../schema.graphqls', import.meta.url);
if (!existsSync(path)) {
  console.error('failed: there is no schema.graphqls beside console/');
  process.exit(1);
}
const schema = buildSchema(readFileSync(path, 'utf8'));

const examples = groups.flatMap((group) => group.examples);
let failed = 0;
for (const { query, variables } of examples) {
  const document = parse(query);
  const [operation] = document.definitions;
  let errors = validate(schema, document);
  if (errors.length === 0) {
    const values = getVariableValues(schema, operation.variableDefinitions ?? [], JSON.parse(variables || '{}'));
    errors = values.errors ?? [];
  }
  for (const error of errors) {
    failed += 1;
    console.error(`${operation.name.value}: ${error.message}`);
  }
}
// The panel and the tabs go by titles, so none may stand twice, and a kind that is not
// followed by any example was forgotten.
const titles = examples.map((example) => describe(example).title);
const twice = titles.filter((title, index) => titles.indexOf(title) !== index);
const subscriptions = examples.map(({ query }) => parse(query).definitions[0])
  .filter(({ operation }) => operation === 'subscription')
  .map(({ selectionSet }) => selectionSet.selections[0].name.value);
const unshown = Object.keys(schema.getSubscriptionType().getFields()).filter((field) => !subscriptions.includes(field));
for (const error of [
  ...twice.map((title) => `${title} stands twice`),
  ...unshown.map((field) => `no example follows ${field}`),
  ...(firstTabs.every(Boolean) ? [] : ['a first tab is no example']),
]) {
  failed += 1;
  console.error(error);
}
console.log(failed ? `${failed} errors` : `ℹ playground: ${examples.length} examples fit the schema`);
process.exit(failed ? 1 : 0);
