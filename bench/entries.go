package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// What there is of entries.
const (
	entryTenants    = 8
	entryCategories = 12
	entrySources    = 40
	entryUsers      = 300
)

// The first byte of made-up UUIDs.
const (
	tenantGroup   = 0x10
	categoryGroup = 0x20
)

// entries describes the entries.
func entries() *kind {
	return &kind{
		name: "entries", table: "entries", time: "timestamp", number: 1, class: "level",
		dimensions: []dimension{
			{number: 1, widths: hourly},
			{number: 2, widths: hourly, columns: []string{"category_id"}, absent: true},
			{number: 3, widths: daily, columns: []string{"source"}},
			{number: 4, widths: daily, columns: []string{"user_id"}},
		},
		list: "entries", filter: "EntryFilter",
		fields: []field{
			{key: "id", column: "id", write: writeGlobal("Entry", writeUUID)},
			{key: "timestamp", column: "timestamp", number: true, write: writeTime},
			{key: "level", column: "level", number: true, write: writeNamed(10, "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")},
			{key: "message", column: "message", write: writeText},
			{key: "source", column: "source", write: writeText},
			{key: "userId", column: "user_id", write: writeText},
			{key: "metadata", column: "metadata", write: writeJSON("{}")},
			{key: "tenant", of: []field{
				{key: "id", column: "tenant.id", write: writeGlobal("Tenant", writeUUID)},
				{key: "name", column: "tenant.name", write: writeText},
			}},
			{key: "category", of: []field{
				{key: "id", column: "category.id", write: writeGlobal("Category", writeUUID)},
				{key: "name", column: "category.name", write: writeText},
				{key: "code", column: "category.code", write: writeText},
			}},
		},
		join:   namesJoin,
		drafts: entryDrafts,
		append: appending(func(j *journal.Journal) *journal.Log[ent.Entry, journal.EntryDraft, journal.EntryFilter] {
			return j.Entries
		}),
		questions: entryQuestions,
		prepare:   makeNames,
	}
}

const namesJoin = " LEFT JOIN tenants AS tenant ON tenant.id = t.tenant_id LEFT JOIN categories AS category ON category.id = t.category_id"

// makeNames makes the tenants and categories that made-up entries name.
func makeNames(ctx context.Context, db *sql.DB) error {
	for n := range entryTenants {
		id := made(tenantGroup, n)
		if _, err := db.ExecContext(ctx, "INSERT INTO tenants (id, name, created_at) VALUES (?, ?, 0)", id[:], fmt.Sprintf("tenant %d", n)); err != nil {
			return err
		}
	}
	for n := range entryCategories {
		id := made(categoryGroup, n)
		code := fmt.Sprintf("category-%02d", n)
		if _, err := db.ExecContext(ctx, "INSERT INTO categories (id, name, code, created_at) VALUES (?, ?, ?, 0)", id[:], strings.ToUpper(code), code); err != nil {
			return err
		}
	}
	return nil
}

func entryDrafts(random *rand.Rand) func(column.Time) any {
	tenant, category := skewed(random, entryTenants, 1.3), skewed(random, entryCategories, 1.4)
	source, user := skewed(random, entrySources, 1.3), skewed(random, entryUsers, 1.1)
	level := weighted(random, 200, 700, 70, 28, 2)
	verbs := []string{"accepted", "finished", "queued", "retried", "rejected", "dropped"}
	return func(at column.Time) any {
		draft := journal.EntryDraft{
			Timestamp: &at, Level: pointer(column.Levels[level()]),
			CategoryID: pointer(made(categoryGroup, category())), Source: pointer(fmt.Sprintf("service-%02d/worker", source())),
		}
		if random.IntN(10) > 0 {
			draft.TenantID = pointer(made(tenantGroup, tenant()))
		}
		if random.IntN(2) == 0 {
			draft.UserID = pointer(fmt.Sprint(1000 + user()))
		}
		draft.Message = fmt.Sprintf("job %08x was %s after %d ms", random.Uint32(), verbs[random.IntN(len(verbs))], amount(random, 40))
		if *draft.Level >= column.Error {
			draft.Message += ": connection refused by upstream\n" + strings.Repeat("\tat worker.Loop (worker.go:91)\n", 1+random.IntN(8))
		}
		draft.Metadata = fmt.Appendf(nil, `{"attempt":%d,"node":"n%d"}`, 1+random.IntN(4), random.IntN(20))
		return draft
	}
}

func entryQuestions(k *kind, w world) []question {
	tenant := made(tenantGroup, 0)
	ofTenant := func(name, level string, class int, total bool) question {
		p := page{
			name:   name,
			filter: map[string]any{"tenantId": map[string]any{"eq": tenant.String()}, "level": map[string]any{"eq": level}},
			where:  "t.tenant_id = ? AND t.level = ?", args: []any{tenant[:], class},
			wanted: wanted{perSecond: 3000},
		}
		if total {
			p.name += " with totalCount"
			p.wanted = wanted{perSecond: 2500}
			p.count = &counted{dimension: 1, tenant: tenant[:], class: &class}
		}
		return k.page(p)
	}
	source := "service-03/worker"
	return []question{
		ofTenant("rare level of one tenant", "CRITICAL", int(column.Critical), false),
		ofTenant("common level of one tenant", "INFO", int(column.Info), false),
		k.page(page{name: "unfiltered", wanted: wanted{perSecond: 3000}}),
		ofTenant("rare level of one tenant", "CRITICAL", int(column.Critical), true),
		ofTenant("common level of one tenant", "INFO", int(column.Info), true),
		k.page(page{name: "unfiltered with totalCount", count: &counted{dimension: 1}, wanted: wanted{perSecond: 2500}}),
		k.page(page{name: "one tenant", filter: map[string]any{"tenantId": map[string]any{"eq": tenant.String()}}, where: "t.tenant_id = ?", args: []any{tenant[:]}}),
		k.page(page{name: "one source with totalCount", filter: map[string]any{"source": map[string]any{"eq": source}}, where: "t.source = ?",
			args: []any{source}, count: &counted{dimension: 3, value: source}}),
		k.page(page{name: "deep page by cursor", after: w.middle}),
		entryStats("entryStats, 30 days"),
		k.scitigerPage("scitiger list, first page", 1),
		k.scitigerPage("scitiger list, page 1000", 1000),
		k.page(page{name: "search, many hits", filter: map[string]any{"search": "Refused"}, search: "message", text: "refused"}),
		k.page(page{name: "search, no hit", filter: map[string]any{"search": "no such text 7f3a"}, search: "message", text: "no such text 7f3a", wanted: wanted{grown: grownSearch}}),
	}
}
