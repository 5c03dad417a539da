// Drives the playground of a running server in headless Chromium.
//
//   node test/browser.mjs [BASE_URL] [TOKEN]
//
// or by LOGBOOK_URL and LOGBOOK_TOKEN. The token is an administrator's, and the
// server holds the sample (--demo). SCREENSHOT=path writes a picture of the page:
// of the live rows, or of the page that failed. CHROMIUM names another browser
// than /usr/bin/chromium. Where there is none the check is skipped, and fails if
// CI=true.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, groups } from '../src/examples.js';

const base = new URL(process.argv[2] ?? process.env.LOGBOOK_URL ?? 'http://127.0.0.1:8080');
const token = process.argv[3] ?? process.env.LOGBOOK_TOKEN ?? '';
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

if (!existsSync(executablePath)) {
  const inCI = process.env.CI === 'true';
  console.log(`${inCI ? 'failed' : 'skipped'}: there is no browser at ${executablePath} (Debian's package is "chromium")`);
  process.exit(inCI ? 1 : 0);
}
const { chromium } = await import('playwright-core');

/** Asks until probe returns something truthy, and returns that. */
async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    assert.ok(Date.now() < end, `waited ${seconds} s for: ${what}`);
    await sleep(50);
  }
}

// The test's own way to the server, beside the page.
const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
async function ask(query, variables) {
  const response = await fetch(new URL('/graphql', base), {
    method: 'POST', headers, body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

const append = (...entries) => ask(
  'mutation($entries: [CreateEntryInput!]!) { createEntries(input: {entries: $entries}) { entries { id } } }', { entries },
);

/** Whether an answer has something everywhere: nodes, rows of lists, and of figures not only zeros. */
function found(data) {
  const text = JSON.stringify(data);
  return !Object.values(data).includes(null) && !text.includes('[]')
    && (!text.includes('"count":') || /"count":[1-9]/.test(text));
}

/** How many subscriptions the server holds open, by its own figures. */
async function open() {
  const figures = await (await fetch(new URL('/metrics', base), { headers })).text();
  return Number(/^logbook_subscriptions_open (\d+)$/m.exec(figures)?.[1]);
}

/** Says that a step is done, and counts it. */
let steps = 0;
function ok(what) {
  steps += 1;
  console.log(`ok: ${what}`);
}

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
try {
  const context = page.context();
  page.setDefaultTimeout(30_000);

  const complaints = [];
  const strangers = [];
  const operations = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== base.origin) strangers.push(url.href);
  });
  context.on('response', (response) => {
    const request = response.request();
    if (request.method() === 'POST') operations.push({ request, response });
  });

  // The page, and the policy it came with.
  const response = await page.goto(new URL('/playground', base).href);
  assert.equal(response.status(), 200);
  assert.match(response.headers()['content-security-policy'], /script-src 'self'/);
  await page.locator('.graphiql-query-editor .view-lines').waitFor();
  ok('the page loads');

  // The token goes into the header and nowhere else.
  if (token) {
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Use', exact: true }).click();
    await page.getByText('Token set for this tab').waitFor();
    const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]);
    assert.deepEqual(kept.map((text) => text.includes(token)), [true, false, false], 'the token is kept in sessionStorage only');
    ok('the token is kept for this tab only');
  }

  const examples = page.getByRole('region', { name: 'Examples', exact: true });
  const execute = page.getByRole('button', { name: /Execute query/ });
  const stop = page.getByRole('button', { name: /Stop query/ });
  const shown = async () => (await page.locator('.graphiql-response .view-lines').innerText()).replace(/\s+/g, ' '); // lines are wrapped

  // A subscription: what is appended meanwhile appears, newest first.
  await examples.getByRole('button', { name: 'LiveEntries', exact: true }).click();
  await page.getByRole('tab', { name: 'LiveEntries' }).waitFor();
  await execute.click();
  await until('the page that listens', async () => /"received": 0/.test(await shown()));
  assert.equal(await open(), 1, 'subscriptions at the server');
  await append({ level: 'ERROR', source: 'payment_service', message: 'card processor did not answer in 5 s' });
  await until('the live row', async () => /"received": 1,[^]*card processor/.test(await shown()));
  await append(
    { level: 'WARNING', source: 'payment_service', message: 'trying the second card processor' },
    { level: 'INFO', source: 'payment_service', message: 'payments are taken again' },
  );
  await until('two more, in front', async () => /"received": 3,[^]*taken again[^]*second card/.test(await shown()));
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  ok('a subscription shows 3 rows that other requests append');

  // Stop ends it, at the server too.
  await stop.click();
  await execute.waitFor();
  await until('the server that sees it stopped', async () => await open() === 0);
  await append({ message: 'nobody follows any more' });
  await sleep(300);
  assert.doesNotMatch(await shown(), /nobody follows/);
  ok('Stop ends the subscription, and the server sees it');

  // The examples find something in the sample: all of them, and in the page some of each kind.
  const questions = groups.flatMap((group) => group.examples.map(describe)).filter(({ example }) => /^query/m.test(example.query));
  for (const { title, example } of questions) {
    assert.ok(found(await ask(example.query, JSON.parse(example.variables ?? '{}'))), `${title} finds nothing in the sample`);
  }
  for (const title of [
    'LatestAuditEvents', 'FailedOperations', 'FailedUsage', 'UsageStats', 'FailedAPICalls',
    'EntryHistogram', 'UsageByModelAndDay', 'UsageNumbers', 'Timeline', 'NodeById',
  ]) {
    await examples.getByRole('button', { name: title, exact: true }).click();
    await page.getByRole('tab', { name: title }).waitFor();
    operations.length = 0;
    await execute.click();
    const { response: answer } = await until(`the answer to ${title}`, () =>
      operations.find((operation) => operation.request.postDataJSON().operationName === title));
    const { data, errors } = await answer.json();
    assert.equal(errors, undefined, `${title}: ${JSON.stringify(errors)}`);
    assert.ok(found(data), `${title} finds nothing in the sample`);
  }
  const tabs = await page.getByRole('tab').count();
  await examples.getByRole('button', { name: 'LatestAuditEvents', exact: true }).click();
  assert.equal(await page.getByRole('tab').count(), tabs, 'an example that is open is opened again');
  ok(`the ${questions.length} questions of the examples find something in the sample, in tabs of their own`);

  // All kinds are followed at once: of each row its own fields.
  await examples.getByRole('button', { name: 'LiveTimeline', exact: true }).click();
  await execute.click();
  await until('the page that listens', async () => /"received": 0/.test(await shown()));
  await ask(`mutation {
    createOperation(input: {action: UPDATE, module: "shop", description: "closed for stocktaking"}) { operation { id } }
    createEntry(input: {message: "stocktaking began"}) { entry { id } }
  }`);
  await until('rows of two kinds', async () => /"received": 2,[^]*stocktaking began[^]*closed for stocktaking/.test(await shown()));
  await stop.click();
  await until('the server that sees it stopped', async () => await open() === 0);
  ok('the timeline shows live rows of two kinds');

  // A refused subscription says why, and ends.
  await page.getByRole('button', { name: 'New tab' }).click();
  await page.locator('.graphiql-query-editor .view-lines').click();
  await page.keyboard.insertText('subscription { entryAppended(after: "no cursor") { cursor } }');
  await execute.click();
  await until('the refusal', async () => /"code": "BAD_USER_INPUT"/.test(await shown()));
  await execute.waitFor();
  ok('a refused subscription shows its error');

  // Another tab, another token: nothing is followed on behind the reader's back.
  const follow = async () => {
    await examples.getByRole('button', { name: 'LiveUsage', exact: true }).click();
    await execute.click();
    await until('the page that listens', async () => /"received": 0/.test(await shown()));
    assert.equal(await open(), 1, 'subscriptions at the server');
  };
  await follow();
  await examples.getByRole('button', { name: 'LiveAPICalls', exact: true }).click();
  await until('the server that sees the tab left', async () => await open() === 0);
  if (token) {
    await follow();
    await page.getByRole('button', { name: 'Forget' }).click();
    await until('the server that sees the token forgotten', async () => await open() === 0);
    await execute.waitFor();
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Use', exact: true }).click();
    await page.getByText('Token set for this tab').waitFor();
  }
  ok('leaving the tab or the token ends a subscription');
  await page.getByRole('tab', { name: 'LatestEntries' }).click();

  // The documentation explorer shows the schema.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const docs = page.locator('.graphiql-doc-explorer');
  await docs.getByRole('link', { name: 'Query', exact: true }).click();
  await docs.getByRole('link', { name: 'entries', exact: true }).waitFor();
  ok('the documentation explorer shows the schema');

  // A query brings data.
  operations.length = 0;
  await execute.click();
  const { request, response: answer } = await until('the answer to the query', () =>
    operations.find((operation) => operation.request.postDataJSON().operationName === 'LatestEntries'));
  if (token) assert.equal(request.headers().authorization, `Bearer ${token}`);
  const result = await answer.json();
  assert.equal(result.errors, undefined, `the query failed: ${JSON.stringify(result.errors)}`);
  assert.ok(Array.isArray(result.data.entries.edges));
  await until('the data on the page', async () => /"data"[^]*"entries"/.test(await shown()));
  ok(`a query brings data (${result.data.entries.edges.length} entries)`);

  // The editor's worker knows the schema: it marks a field that is not there.
  await page.getByRole('button', { name: 'New tab' }).click();
  await page.locator('.graphiql-query-editor .view-lines').click();
  await page.keyboard.type('{ noSuchField }');
  await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor();
  ok(`the editor checks against the schema (${page.workers().length} workers)`);

  // Another load of the page finds the token and the tabs again.
  await page.reload();
  await page.locator('.graphiql-query-editor .view-lines').waitFor();
  if (token) await page.getByText('Token set for this tab').waitFor();
  await docs.getByRole('link', { name: 'Query', exact: true }).waitFor();
  await page.getByRole('tab', { name: 'LatestEntries' }).click();
  await execute.click();
  await until('the data on the page, again', async () => /"data"[^]*"entries"/.test(await shown()));
  await docs.getByRole('link', { name: 'Query', exact: true }).click();
  await docs.getByRole('link', { name: 'entries', exact: true }).click();
  ok('a reload keeps token and tabs');

  assert.deepEqual(strangers, [], 'requests to other hosts');
  assert.deepEqual(complaints, [], 'errors in the console');
  ok('no error in the console, no request to another host');
  console.log(`ℹ playground: ${steps} steps in ${browser.browserType().name()} ${browser.version()}`);
} catch (error) {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  throw error;
} finally {
  await browser.close();
}
