// Drives the playground of a running server in headless Chromium.
//
//   node test/browser.mjs [BASE_URL] [TOKEN]
//
// or by LOGBOOK_URL and LOGBOOK_TOKEN. The token has to be allowed to read
// entries. SCREENSHOT=path writes a picture of the page at the end. CHROMIUM
// names another browser than /usr/bin/chromium. Where there is none the check
// is skipped, and fails if CI=true.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

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
  console.log('ok: the page loads');

  // The token goes into the header and nowhere else.
  if (token) {
    await page.getByLabel('Access token').fill(token);
    await page.getByRole('button', { name: 'Use', exact: true }).click();
    await page.getByText('Token set for this tab').waitFor();
    const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]);
    assert.deepEqual(kept.map((text) => text.includes(token)), [true, false, false], 'the token is kept in sessionStorage only');
    console.log('ok: the token is kept for this tab only');
  }

  // The documentation explorer shows the schema.
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  const docs = page.locator('.graphiql-doc-explorer');
  await docs.getByRole('link', { name: 'Query', exact: true }).click();
  await docs.getByRole('link', { name: 'entries', exact: true }).waitFor();
  console.log('ok: the documentation explorer shows the schema');

  // A query brings data.
  operations.length = 0;
  await page.getByRole('button', { name: /Execute query/ }).click();
  const { request, response: answer } = await until('the answer to the query', () =>
    operations.find((operation) => operation.request.postDataJSON().operationName === 'LatestEntries'));
  if (token) assert.equal(request.headers().authorization, `Bearer ${token}`);
  const result = await answer.json();
  assert.equal(result.errors, undefined, `the query failed: ${JSON.stringify(result.errors)}`);
  assert.ok(Array.isArray(result.data.entries.edges));
  const shown = () => page.locator('.graphiql-response .view-lines').innerText();
  await until('the data on the page', async () => /"data"[^]*"entries"/.test(await shown()));
  console.log(`ok: a query brings data (${result.data.entries.edges.length} entries)`);

  // The editor's worker knows the schema: it marks a field that is not there.
  await page.getByRole('button', { name: 'New tab' }).click();
  await page.locator('.graphiql-query-editor .view-lines').click();
  await page.keyboard.type('{ noSuchField }');
  await page.locator('.graphiql-query-editor .squiggly-error').first().waitFor();
  console.log(`ok: the editor checks against the schema (${page.workers().length} workers)`);

  // Another load of the page finds the token and the tabs again.
  await page.reload();
  await page.locator('.graphiql-query-editor .view-lines').waitFor();
  if (token) await page.getByText('Token set for this tab').waitFor();
  await docs.getByRole('link', { name: 'Query', exact: true }).waitFor();
  await page.getByRole('tab', { name: 'LatestEntries' }).click();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await until('the data on the page, again', async () => /"data"[^]*"entries"/.test(await shown()));
  await docs.getByRole('link', { name: 'Query', exact: true }).click();
  await docs.getByRole('link', { name: 'entries', exact: true }).click();
  console.log('ok: a reload keeps token and tabs');

  assert.deepEqual(strangers, [], 'requests to other hosts');
  assert.deepEqual(complaints, [], 'errors in the console');
  console.log('ok: no error in the console, no request to another host');
} finally {
  // Also of a page that failed: that is when a picture helps most.
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  await browser.close();
}
