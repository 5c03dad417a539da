// Builds Logbook, serves the sample on a free port, and lets tools and clients at it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));

let failed = false;
function step(what, command, words, env = {}) {
  console.log(`== ${what}`);
  const { status, error } = spawnSync(command, words, { stdio: 'inherit', env: { ...process.env, ...env } });
  if (error) console.error(error.message);
  failed ||= status !== 0;
  return status === 0;
}
const tool = (what, name, ...words) => step(what, process.execPath, [`node_modules/.bin/${name}`, ...words]);

const folder = mkdtempSync(join(tmpdir(), 'logbook-clients-'));
const log = join(folder, 'log');
const token = 'token-of-the-clients-tests';

// serve starts the program and gives it with its address, once it says that.
async function serve() {
  const server = spawn(join(folder, 'logbook'), ['serve', '--addr', '127.0.0.1:0', '--db', `sqlite:${folder}/logbook.db`, '--demo'], {
    env: { ...process.env, LOGBOOK_ADMIN_TOKEN: token },
    stdio: ['ignore', 'pipe', openSync(log, 'a')],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const [, url] = /^Logbook listens on (\S+)$/.exec(line) ?? [];
    if (url) return { server, url };
  }
  throw new Error(`Logbook did not start: ${readFileSync(log, 'utf8')}`);
}

try {
  for (const made of ['generated', 'relay/__generated__']) {
    rmSync(made, { recursive: true, force: true });
    mkdirSync(made);
  }
  // relay-compiler finds no schema whose name ends otherwise.
  copyFileSync('../schema.graphqls', 'generated/schema.graphql');
  const ready = [
    step('go build', 'go', ['build', '-C', '..', '-o', join(folder, 'logbook'), '.']),
    tool('graphql-codegen: client preset, strict scalars', 'graphql-codegen', '--config', 'codegen.ts'),
    tool('relay-compiler', 'relay-compiler', 'relay.config.json'),
    tool('tsc --strict', 'tsc'),
  ].every(Boolean);
  if (ready) {
    const { server, url } = await serve();
    const stopped = once(server, 'exit');
    step('tests against the binary', process.execPath, [
      '--test', '--test-reporter=spec', '--test-timeout=180000', // a row that never comes is a failure too
      'checks/audits.test.mjs', 'checks/schema.test.mjs', 'relay/entries.test.js', 'relay/live.test.js',
      'generated/js/src/apollo.test.js', 'generated/js/src/apollo-live.test.js',
      'generated/js/src/urql.test.js', 'generated/js/src/urql-live.test.js',
    ], { LOGBOOK_URL: url, LOGBOOK_TOKEN: token });
    server.kill('SIGTERM');
    const [code] = await stopped;
    failed ||= code !== 0;
    if (failed) console.error(`the server ended with ${code}; it logged:\n${readFileSync(log, 'utf8')}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(failed ? 'clients: FAILED' : 'clients: all passed');
process.exit(failed ? 1 : 0);
