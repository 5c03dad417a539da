// What graphql-codegen makes of the schema is exact. There is nothing to run: tsc
// fails where a line below has an error, or where one that should have it has none.
import type { AddEntryMutationVariables, EntryPageQuery, EntryPageQueryVariables } from '../generated/types/graphql.js';

type Row = EntryPageQuery['entries']['edges'][number]['node'];

export function exact(row: Row, page: EntryPageQuery) {
  const timestamp: string = row.timestamp;
  const total: number = page.entries.totalCount;
  const code: string | undefined = row.category?.code;
  const source: string | null = row.source;
  // @ts-expect-error: Time is no Date
  const date: Date = row.timestamp;
  // @ts-expect-error: JSON has to be looked at before it is used
  const metadata: string = row.metadata;
  // @ts-expect-error: Int64 is a number
  const text: string = page.entries.totalCount;
  // @ts-expect-error: an entry may have no source
  const always: string = row.source;
  // @ts-expect-error: an entry may have no category
  const category: string = row.category.code;
  // @ts-expect-error: it was not selected
  const agent: unknown = row.userAgent;
  return { timestamp, total, code, source, date, metadata, text, always, category, agent };
}

export const good: EntryPageQueryVariables = { first: 3, filter: { since: '2026-05-04T03:02:01Z', level: { eq: 'ERROR' } } };
export const nothing: EntryPageQueryVariables = {};
// @ts-expect-error: there is no such level
export const level: EntryPageQueryVariables = { filter: { level: { eq: 'LOUD' } } };
// @ts-expect-error: a time is a string
export const since: EntryPageQueryVariables = { filter: { since: 1 } };
// @ts-expect-error: an entry has a message
export const message: AddEntryMutationVariables = { input: {} };
