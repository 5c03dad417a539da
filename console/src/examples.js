// The examples of the playground, kind by kind. A query begins with a comment
// that says in a sentence what it is for; the panel shows that sentence and the
// name of the operation. test/examples.mjs checks every example against the
// schema.

const json = (value) => JSON.stringify(value, null, 2);

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
    query: `# One entry with its metadata. Take the id from a list.
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
    variables: json({ id: '' }),
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

/** What the panel shows, in its order. */
export const groups = [
  { name: 'Entries', examples: entries },
  { name: 'Audit events', examples: auditEvents },
  { name: 'Operations', examples: operations },
  { name: 'Usage of language models', examples: usage },
  { name: 'API calls', examples: apiCalls },
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
