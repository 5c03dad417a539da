// The tabs of a first visit. GraphiQL names a tab after its operation and
// keeps the tabs in localStorage from then on. It ignores the variables of the
// first tab, which therefore has defaults instead. test/examples.mjs checks
// every example against the schema.

const json = (value) => JSON.stringify(value, null, 2);

export const examples = [
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
];
