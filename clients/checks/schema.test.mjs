// The schema: its style, what changed in it, and that the server serves it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { ESLint } from 'eslint';
import { buildClientSchema, buildSchema, getIntrospectionQuery, isScalarType, isSpecifiedScalarType, printSchema } from 'graphql';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sdl = readFileSync(`${root}schema.graphqls`, 'utf8');
const everything = { specifiedByUrl: true, schemaDescription: true, directiveIsRepeatable: true, inputValueDeprecation: true };
const git = (...words) => execFileSync('git', words, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

test('@graphql-eslint: recommended and Relay rules', async (t) => {
  const eslint = new ESLint({ cwd: root, overrideConfigFile: 'clients/eslint.config.mjs' });
  const files = await eslint.lintFiles(['schema.graphqls', 'clients/documents/*.graphql']);
  const found = files.flatMap(({ filePath, messages }) => messages.map((m) => `${filePath}:${m.line}: ${m.message} (${m.ruleId})`));
  t.diagnostic(`eslint: ${found.length} problems in ${files.length} files`);
  assert.deepEqual(found, []);
  assert(files.length > 1);
});

// versions lists what schema.graphqls was, oldest first, since there is this check: one
// version for each commit that changed it, a merge being one change, and the file as it
// lies here. Of a shallow clone it is what the clone has.
function versions() {
  const began = git('log', '--first-parent', '--format=%h', '--', 'clients/breaking-changes.txt').split('\n').at(-1) || 'HEAD';
  const changed = git('log', '--first-parent', '--reverse', '--format=%h', `${began}..HEAD`, '--', 'schema.graphqls');
  const commits = [began, ...changed.split('\n').filter(Boolean)];
  return [...commits.map((commit) => ({ name: commit, text: git('show', `${commit}:schema.graphqls`) })), { name: 'not committed', text: sdl }];
}

test('graphql-inspector: nothing breaks that is not announced', async (t) => {
  if (git('rev-parse', '--is-shallow-repository') === 'true') t.diagnostic('inspector: the history is cut off, so less of it is compared');
  const announced = readFileSync(new URL('../breaking-changes.txt', import.meta.url), 'utf8').split('\n');
  const [first, ...later] = versions();
  const unannounced = [];
  let [before, changes, breaking] = [buildSchema(first.text), 0, 0];
  for (const { name, text } of later) {
    const after = buildSchema(text);
    for (const { criticality, message } of await diff(before, after)) {
      changes += 1;
      if (criticality.level === CriticalityLevel.Breaking) {
        breaking += 1;
        if (!announced.includes(message)) unannounced.push(`${name}: ${message}`);
      }
    }
    before = after;
  }
  t.diagnostic(`inspector: ${changes} changes since ${first.name}, ${breaking} breaking, ${unannounced.length} of them unannounced`);
  assert.deepEqual(unannounced, []);
});

test('the schema that the server tells of is schema.graphqls', async (t) => {
  const response = await fetch(`${process.env.LOGBOOK_URL}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query: getIntrospectionQuery(everything) }),
  });
  const { data } = await response.json();
  const served = buildClientSchema(data);
  // Printing drops what introspection cannot tell: the directives on fields.
  const [told, written] = [served, buildSchema(sdl)].map((schema) => buildSchema(printSchema(schema)));
  const differences = await diff(written, told);
  assert.deepEqual(differences.map(({ message }) => message), []);
  assert.equal(told.description, written.description);
  const scalars = Object.values(served.getTypeMap()).filter((type) => isScalarType(type) && !isSpecifiedScalarType(type));
  for (const { name, specifiedByURL } of scalars) {
    assert.match(specifiedByURL ?? '', /^https:\/\/www\.rfc-editor\.org\/rfc\/rfc\d+(#section-[\d.]+)?$/, name);
  }
  t.diagnostic(`scalars: ${scalars.length}, each with the RFC that specifies it`);
});
