// The examples of the playground, kind by kind. A query begins with a comment
// that says in a sentence what it is for; the panel shows that sentence and the
// name of the operation. test/examples.mjs checks every example against the
// schema.

const json = (value) => JSON.stringify(value, null, 2);

// What the sample (--demo) tells of: an incident, and the week it happened in.
const failover = 'Entry:50819173-2b52-5395-aa7a-1f6b00675689';
const incident = { since: '2026-11-16T13:00:00Z', until: '2026-11-16T14:00:00Z' };
const week = { since: '2026-11-14T00:00:00Z', until: '2026-11-21T00:00:00Z' };

const entries = [
  {
    query: `# The newest entries. Ctrl-Enter runs it.
# Next page: give endCursor as "after".
query LatestEntries($after: String) {
  entries(first: 20, after: $after) {
    edges {
      node {
        id
        timestamp
        level
        message
        source
        tenant { id name }
        category { id name code }
        userId
        username
        ipAddress
        requestId
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Entries that match a filter, and their number.
# Ctrl-Space in the variables lists its fields.
query FilteredEntries($filter: EntryFilter) {
  entries(filter: $filter, first: 20) {
    totalCount
    edges {
      cursor
      node { id timestamp level source message }
    }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
`,
    variables: json({ filter: { level: { atLeast: 'ERROR' }, since: '2025-01-01T00:00:00Z' } }),
  },
  {
    query: `# One entry with its metadata. The id is one of the sample.
query OneEntry($id: ID!) {
  entry(id: $id) {
    id
    timestamp
    level
    message
    source
    metadata
  }
}
`,
    variables: json({ id: failover }),
  },
  {
    query: `# How many, by level, category and day.
query EntryStats($tenantId: ID, $days: Int = 30) {
  entryStats(tenantId: $tenantId, days: $days) {
    total
    byLevel { level count }
    byCategory { category { id name code } count }
    daily { date count }
  }
}
`,
    variables: json({ tenantId: null, days: 30 }),
  },
  {
    query: `# A histogram: how many entries, by hour, as clocks in a time zone have it.
query EntryHistogram($filter: EntryFilter, $interval: Interval!, $timeZone: String) {
  entryAggregate(filter: $filter) {
    count
    histogram(interval: $interval, timeZone: $timeZone) { start end count }
  }
}
`,
    variables: json({
      filter: { since: '2026-11-16T00:00:00+01:00', until: '2026-11-17T00:00:00+01:00' },
      interval: 'HOUR',
      timeZone: 'Europe/Berlin',
    }),
  },
  {
    query: `# How many of each level, day by day: a series each.
query EntrySeries($filter: EntryFilter) {
  entryAggregate(filter: $filter) {
    series(by: LEVEL, interval: DAY) {
      value
      count
      buckets { start count }
    }
  }
}
`,
    variables: json({ filter: week }),
  },
  {
    query: `# The sources that have entries, for a drop-down: those with a text in their name.
query EntrySources($contains: String) {
  entryAggregate {
    values(of: SOURCE, contains: $contains) { value }
  }
}
`,
    variables: json({ contains: 'service' }),
  },
  {
    query: `# The names that entries are filed under.
query TenantsAndCategories {
  tenants { id name }
  categories { id name code }
}
`,
  },
  {
    query: `# Appends one entry. The role needs entries:write.
mutation CreateEntry($input: CreateEntryInput!) {
  createEntry(input: $input) {
    entry { id timestamp level message }
  }
}
`,
    variables: json({ input: { level: 'INFO', message: 'hello from the playground', source: 'playground' } }),
  },
  {
    query: `# Appends several entries: all of them or none.
mutation CreateEntries($input: CreateEntriesInput!) {
  createEntries(input: $input) {
    entries { id timestamp level message }
  }
}
`,
    variables: json({
      input: {
        entries: [
          { level: 'INFO', message: 'first of two', source: 'playground' },
          { level: 'WARNING', message: 'second of two', source: 'playground' },
        ],
      },
    }),
  },
  {
    query: `# Follows the entries as they are appended.
# Append some from another browser tab, or by curl; the square button stops it.
# "after" goes on from a cursor: a row's, or the liveCursor of a list.
subscription LiveEntries($filter: EntryFilter, $after: String) {
  entryAppended(filter: $filter, after: $after) {
    cursor
    node { timestamp level source message }
  }
}
`,
    variables: json({ filter: {}, after: null }),
  },
  {
    query: `# The newest entries, and the cursor to follow on from without a gap.
query EntriesToFollow {
  entries(first: 5) {
    edges {
      node { id timestamp level message }
    }
    liveCursor
  }
}
`,
  },
];

const auditEvents = [
  {
    query: `# The newest audit events: who did what with an identity.
query LatestAuditEvents($after: String) {
  auditEvents(first: 20, after: $after) {
    edges {
      node { id createdAt key userId applicationId ip payload }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# What one user did, and how often.
query AuditEventsOfUser($filter: AuditEventFilter) {
  auditEvents(filter: $filter, first: 20) {
    totalCount
    edges {
      node { createdAt key ip userAgent payload }
    }
  }
}
`,
    variables: json({ filter: { userId: { eq: 'usr_tom01' } } }),
  },
  {
    query: `# What happened most, and at which applications.
query AuditEventGroups($filter: AuditEventFilter) {
  auditEventAggregate(filter: $filter) {
    byKey: groups(by: KEY, first: 3) {
      groups { value count }
      valueCount
      otherCount
    }
    byApplication: groups(by: APPLICATION) {
      groups { value count }
    }
  }
}
`,
    variables: json({ filter: week }),
  },
  {
    query: `# Follows the audit events as they are appended.
subscription LiveAuditEvents($filter: AuditEventFilter, $after: String) {
  auditEventAppended(filter: $filter, after: $after) {
    cursor
    node { createdAt key userId ip }
  }
}
`,
    variables: json({ filter: {}, after: null }),
  },
];

const operations = [
  {
    query: `# The newest operations: what users did in the administration.
query LatestOperations($after: String) {
  operations(first: 20, after: $after) {
    edges {
      node { id createdAt username action module description succeeded }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Operations that failed, with what was sent.
query FailedOperations($filter: OperationFilter) {
  operations(filter: $filter, first: 20) {
    totalCount
    edges {
      node { createdAt username module description responseStatus requestData }
    }
  }
}
`,
    variables: json({ filter: { succeeded: { eq: false } } }),
  },
  {
    query: `# How many operations of each user, failed ones apart.
query OperationGroups($all: OperationFilter, $failed: OperationFilter) {
  all: operationAggregate(filter: $all) {
    groups(by: USER) {
      groups { value label count }
    }
  }
  failed: operationAggregate(filter: $failed) {
    groups(by: USER) {
      groups { value label count }
    }
  }
}
`,
    variables: json({ all: week, failed: { ...week, succeeded: { eq: false } } }),
  },
  {
    query: `# Follows the operations as they are appended.
subscription LiveOperations($filter: OperationFilter, $after: String) {
  operationAppended(filter: $filter, after: $after) {
    cursor
    node { createdAt username action module description succeeded }
  }
}
`,
    variables: json({ filter: {}, after: null }),
  },
];

const usage = [
  {
    query: `# The newest usage records: what language models were used for.
query LatestUsage($after: String) {
  usageRecords(first: 20, after: $after) {
    edges {
      node { id createdAt type username modelName quota promptTokens completionTokens useTime }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# The calls of one model that failed.
query FailedUsage($filter: UsageRecordFilter) {
  usageRecords(filter: $filter, first: 20) {
    totalCount
    edges {
      node { createdAt username modelName channelName content }
    }
  }
}
`,
    variables: json({ filter: { type: { eq: 'ERROR' }, modelName: { eq: 'gpt-4o' } } }),
  },
  {
    query: `# What a model cost: sums, also by type.
query UsageStats($filter: UsageRecordFilter) {
  usageStats(filter: $filter) {
    count
    quota
    promptTokens
    completionTokens
    byType { type count quota }
  }
}
`,
    variables: json({ filter: { modelName: { eq: 'gpt-4o' } } }),
  },
  {
    query: `# What each model cost on each day: a series for each of the most used.
query UsageByModelAndDay($filter: UsageRecordFilter, $timeZone: String) {
  usageRecordAggregate(filter: $filter) {
    series(by: MODEL, interval: DAY, timeZone: $timeZone, first: 3) {
      value
      isOther
      count
      quota
      buckets { start count quota promptTokens completionTokens }
    }
  }
}
`,
    variables: json({ filter: { ...week, type: { eq: 'CONSUME' } }, timeZone: 'UTC' }),
  },
  {
    query: `# Who used most, and how much a minute.
query UsageGroups($filter: UsageRecordFilter) {
  usageRecordAggregate(filter: $filter) {
    groups(by: USER, first: 3) {
      groups { value label count quota tokensPerMinute }
      valueCount
      other { count quota }
    }
  }
}
`,
    variables: json({ filter: { ...week, type: { eq: 'CONSUME' } } }),
  },
  {
    query: `# How long calls took and how large prompts were: percentiles.
query UsageNumbers($filter: UsageRecordFilter) {
  usageRecordAggregate(filter: $filter) {
    seconds: numbers(of: USE_TIME) { count min max average p50 p90 p95 p99 }
    promptTokens: numbers(of: PROMPT_TOKENS) { count min max average p50 p90 p95 p99 }
  }
}
`,
    variables: json({ filter: { type: { eq: 'CONSUME' }, modelName: { eq: 'gpt-4o' } } }),
  },
  {
    query: `# Follows the usage records as they are appended.
subscription LiveUsage($filter: UsageRecordFilter, $after: String) {
  usageRecordAppended(filter: $filter, after: $after) {
    cursor
    node { createdAt type username modelName quota }
  }
}
`,
    variables: json({ filter: {}, after: null }),
  },
];

const apiCalls = [
  {
    query: `# The newest calls of the HTTP API.
query LatestAPICalls($after: String) {
  apiCalls(first: 20, after: $after) {
    edges {
      node { id operationTime appId httpMethod apiPath statusCode sourceIp }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Calls that the server failed to answer, and their number.
query FailedAPICalls($filter: APICallFilter) {
  apiCalls(filter: $filter, first: 20) {
    totalCount
    edges {
      node { operationTime appId httpMethod apiPath statusCode }
    }
  }
}
`,
    variables: json({ filter: { statusCode: { atLeast: 500 } } }),
  },
  {
    query: `# How the calls were answered: how many with each status.
query APICallGroups($filter: APICallFilter) {
  apiCallAggregate(filter: $filter) {
    count
    groups(by: STATUS) {
      groups { value count }
    }
  }
}
`,
    variables: json({ filter: {} }),
  },
  {
    query: `# Follows the calls of the HTTP API as they are appended.
subscription LiveAPICalls($filter: APICallFilter, $after: String) {
  apiCallAppended(filter: $filter, after: $after) {
    cursor
    node { operationTime appId httpMethod apiPath statusCode }
  }
}
`,
    variables: json({ filter: {}, after: null }),
  },
];

// What the timelines show of a row: all kinds have the first fields.
const row = `
fragment Row on LogRecord {
  __typename
  id
  occurredAt
  ... on Entry { level message source }
  ... on AuditEvent { key payload }
  ... on Operation { module description succeeded }
  ... on UsageRecord { modelName content usageType: type }
  ... on APICall { httpMethod apiPath statusCode }
}
`;

const allKinds = [
  {
    query: `# An incident hour, as all kinds of log tell of it.
query Timeline($filter: TimelineFilter, $after: String) {
  timeline(filter: $filter, first: 20, after: $after) {
    edges {
      node { ...Row }
    }
    pageInfo { hasNextPage endCursor }
  }
}
${row}`,
    variables: json({ filter: incident }),
  },
  {
    query: `# What one user did, whatever each system calls that user.
query TimelineOfUser($filter: TimelineFilter) {
  timeline(filter: $filter, first: 20) {
    totalCount
    edges {
      node { ...Row }
    }
  }
}
${row}`,
    variables: json({ filter: { user: 'User:2', ...incident } }),
  },
  {
    query: `# Follows all kinds of log as rows are appended.
subscription LiveTimeline($filter: TimelineFilter, $after: String) {
  timelineAppended(filter: $filter, after: $after) {
    cursor
    node { ...Row }
  }
}
${row}`,
    variables: json({ filter: {}, after: null }),
  },
  {
    query: `# Whatever has this id: ids are unique among all types.
query NodeById($id: ID!) {
  node(id: $id) {
    __typename
    id
    ... on LogRecord { occurredAt tenant { name } }
    ... on Entry { level message metadata }
    ... on User { username }
  }
}
`,
    variables: json({ id: failover }),
  },
  {
    query: `# Several at once, each in the place of its id.
query NodesByIds($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    id
    ... on Operation { action description }
    ... on UsageRecord { modelName content }
    ... on User { username tenant { name } }
  }
}
`,
    variables: json({ ids: ['Operation:12', 'UsageRecord:24', 'User:2'] }),
  },
];

/** What the panel shows, in its order. */
export const groups = [
  { name: 'Entries', examples: entries },
  { name: 'Audit events', examples: auditEvents },
  { name: 'Operations', examples: operations },
  { name: 'Usage of language models', examples: usage },
  { name: 'API calls', examples: apiCalls },
  { name: 'All kinds together', examples: allKinds },
];

/** An example with the name of its operation and the sentence that it begins with. */
export function describe(example) {
  const [, about] = /^# (.+)/.exec(example.query);
  const [, title] = /^(?:query|mutation|subscription) (\w+)/m.exec(example.query);
  return { title, about, example };
}

/**
 * The tabs of a first visit; GraphiQL keeps the tabs in localStorage from then
 * on. It ignores the variables of the first, which therefore has none.
 */
export const firstTabs = ['LatestEntries', 'FilteredEntries', 'LiveEntries']
  .map((title) => entries.find((example) => describe(example).title === title));
