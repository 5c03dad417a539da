// What must hold of every client that follows a log, whatever its transport: one story
// for all of them. A client's test gives it the way in which the client subscribes.
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { AddEntriesDocument, AddTokenDocument, EndTokenDocument, WhereToFollowDocument } from '../generated/types/graphql.js';
import type { LiveEntriesSubscription, LiveEntriesSubscriptionVariables } from '../generated/types/graphql.js';
import { ask, token, url } from './server.js';

type Row = LiveEntriesSubscription['entryAppended'];

/** What a subscription brings: rows, and at last why it ended. */
export interface Listener {
  row(row: Row): void;
  end(error: unknown): void;
}

/** A client of the server at url that has signed in with token. */
export interface Client {
  follow(variables: LiveEntriesSubscriptionVariables, listener: Listener): () => void;
  close(): void;
}
export type Connect = (url: string, token: string) => Client;

const filterOf = (source: string) => ({ source: { eq: source } });

/**
 * Tells the story of a client of this name to its end: rows of a filter, a connection
 * that breaks, those that were appended meanwhile, refusals, a token that is revoked;
 * ends is how the client learns of that.
 */
export async function story(t: TestContext, name: string, connectTo: Connect, ends: RegExp) {
  const source = `live-${name}`;
  let written = 0;
  // Each row stands between two that the filter does not let through.
  const append = async () => {
    const text = `row ${++written}`;
    const [own, other] = [{ message: text, source, metadata: { written } }, { message: text, source: `not ${source}` }];
    const { createEntries } = await ask(AddEntriesDocument, { input: { entries: [other, own, other] } });
    return createEntries?.entries[1];
  };
  const line = await cuttable();
  t.after(() => line.close());
  const begin = (as: string, after: string | null, filter: LiveEntriesSubscriptionVariables['filter'] = filterOf(source)) => {
    const client = connectTo(line.url, as);
    t.after(() => client.close());
    const heard = new Heard();
    return { heard, stop: client.follow({ filter, after }, heard) };
  };

  // A list says where to follow on from, so nothing falls between list and subscription.
  const { entries } = await ask(WhereToFollowDocument, {});
  const first = await append();
  const { heard } = begin(token, entries.liveCursor);
  const seen = [await heard.row()];
  const __typename = 'Entry'; // which some clients add
  assert.deepEqual({ ...seen[0]?.node, __typename }, { ...first, __typename }, 'the row is the one that the mutation told of');
  const second = await append();
  seen.push(await heard.row());
  assert.equal(seen[1]?.node.id, second?.id);

  // The network breaks, rows come meanwhile, the client goes on behind the last it saw.
  line.cut();
  const broke = codeOf(await heard.end());
  await append();
  await append();
  const again = begin(token, seen[1]?.cursor ?? '');
  seen.push(await again.heard.row(), await again.heard.row());
  await append();
  seen.push(await again.heard.row());
  assert.deepEqual(seen.map((row) => row.node.message), ['row 1', 'row 2', 'row 3', 'row 4', 'row 5']);
  again.stop();
  await append(); // for others, see below

  // Refusals are errors with their codes.
  assert.match(codeOf(await begin(token, 'no cursor').heard.end()), /^BAD_USER_INPUT$/);
  assert.match(codeOf(await begin(token, null, { tenantId: { eq: 'no uuid' } }).heard.end()), /^BAD_USER_INPUT$/);
  const stranger = await newToken(name, 'usage:read');
  assert.match(codeOf(await begin(stranger.key, null).heard.end()), /^FORBIDDEN$/);

  // A token that is revoked follows no longer.
  const guest = await newToken(name, 'entries:read');
  const visit = begin(guest.key, seen[4]?.cursor ?? '');
  assert.equal((await visit.heard.row()).node.message, 'row 6');
  await ask(EndTokenDocument, { id: guest.id });
  const ended = await visit.heard.end();
  assert.match(codeOf(ended), ends);
  assert.deepEqual(again.heard.rest(), [], 'who has stopped hears of nothing more');
  t.diagnostic(
    `${name}: 5 of ${3 * written} rows, each once, over a broken connection (${broke.trim()}); ` +
    `3 refusals; a revoked token ends it (${codeOf(ended)})`,
  );
}

async function newToken(name: string, permission: string) {
  const { createAccessToken } = await ask(AddTokenDocument, { input: { name, role: 'VIEWER', permissions: [permission] } });
  assert(createAccessToken);
  return { key: createAccessToken.key, id: createAccessToken.accessToken.id };
}

/** The code of a GraphQL error, however a client wraps it, or else what the client says. */
function codeOf(error: unknown): string {
  const { errors, graphQLErrors } = Object(error) as { errors?: unknown; graphQLErrors?: unknown };
  const [first] = [error, errors, graphQLErrors].flatMap((list) => (Array.isArray(list) ? list : [])) as { extensions?: { code?: string } }[];
  if (first?.extensions?.code) return first.extensions.code;
  const { code, reason } = Object(error) as { code?: number; reason?: string };
  return code ? `${code} ${reason}` : String(error);
}

type Event = { row: Row } | { end: unknown };

/** What a subscription brought, in its order, for whoever waits for it. */
class Heard implements Listener {
  private events: Event[] = [];
  private wake = () => {};

  row(): Promise<Row>;
  row(row: Row): void;
  row(row?: Row): Promise<Row> | void {
    if (row) return this.push({ row });
    return this.take().then((event) => ('row' in event ? event.row : assert.fail(`no row but the end: ${codeOf(event.end)}`)));
  }

  end(): Promise<unknown>;
  end(error: unknown): void;
  end(...errors: unknown[]): Promise<unknown> | void {
    if (errors.length) return this.push({ end: errors[0] });
    return this.take().then((event) => ('end' in event ? event.end : assert.fail(`no end but a row: ${event.row.node.message}`)));
  }

  /** What has come and nobody took. */
  rest(): Event[] {
    return this.events;
  }

  private push(event: Event) {
    this.events.push(event);
    this.wake();
  }

  private async take(): Promise<Event> {
    const late = AbortSignal.timeout(20_000);
    while (!this.events.length) {
      await new Promise<void>((resolve, reject) => {
        this.wake = resolve;
        late.onabort = () => reject(new Error('waited 20 s for a row or the end'));
      });
    }
    return this.events.shift() as Event;
  }
}

/** A line to the server that can be cut, as a network breaks: without a farewell. */
async function cuttable() {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => { to.destroy(); sockets.delete(from); });
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const here = new URL(url);
  here.port = String((server.address() as AddressInfo).port);
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return { url: here.href, cut, close: () => { cut(); server.close(); } };
}
