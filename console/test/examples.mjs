// Checks every example query of the playground against the schema.
import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, getVariableValues, parse, validate } from 'graphql';
import { examples } from '../src/examples.js';

const path = new URL('../../schema.graphqls', import.meta.url);
if (!existsSync(path)) {
  console.error('failed: there is no schema.graphqls beside console/');
  process.exit(1);
}
const schema = buildSchema(readFileSync(path, 'utf8'));

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
console.log(failed ? `${failed} errors` : `${examples.length} examples fit the schema`);
process.exit(failed ? 1 : 0);
