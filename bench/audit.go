package main

import (
	"fmt"
	"math/rand/v2"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// What there is of audit events.
const (
	auditUsers        = 2000
	auditApplications = 12
)

// auditKeys are what happens, the most frequent first.
func auditKeys() []string {
	return []string{"SignIn.Password", "Token.Exchange", "SignOut", "SignIn.Social", "Register", "ForgotPassword", "MFA.Bind", "Account.Delete"}
}

// audit describes the audit events.
func audit() *kind {
	return &kind{
		name: "audit", table: "audit_events", time: "created_at", number: 2,
		dimensions: []dimension{
			{number: 1, widths: hourly},
			{number: 2, widths: hourly, columns: []string{"key"}},
			{number: 3, widths: daily, columns: []string{"user_id"}},
			{number: 4, widths: daily, columns: []string{"application_id"}},
		},
		list: "auditEvents", filter: "AuditEventFilter",
		fields: []field{
			{key: "id", column: "id", write: writeGlobal("AuditEvent", writeText)},
			{key: "createdAt", column: "created_at", number: true, write: writeTime},
			{key: "key", column: "key", write: writeText},
			{key: "payload", column: "payload", write: writeJSON("{}")},
			{key: "userId", column: "user_id", write: writeText},
			{key: "applicationId", column: "application_id", write: writeText},
			{key: "ip", column: "ip", write: writeText},
			{key: "userAgent", column: "user_agent", write: writeText},
		},
		drafts: auditDrafts,
		append: appending(func(j *journal.Journal) *journal.Log[ent.AuditEvent, journal.AuditEventDraft, journal.AuditEventFilter] {
			return j.AuditEvents
		}),
		questions: auditQuestions,
	}
}

func auditUser(n int) string        { return fmt.Sprintf("user_%06d", n) }
func auditApplication(n int) string { return fmt.Sprintf("app_%02d", n) }

func auditDrafts(random *rand.Rand) func(column.Time) any {
	keys := auditKeys()
	key, user, application := skewed(random, len(keys), 1.5), skewed(random, auditUsers, 1.1), skewed(random, auditApplications, 1.4)
	return func(at column.Time) any {
		user := user()
		draft := journal.AuditEventDraft{
			CreatedAt: &at, Key: keys[key()], ApplicationID: pointer(auditApplication(application())),
			IP: pointer(address(user*3 + random.IntN(2))), UserAgent: pointer(fmt.Sprintf("Mozilla/5.0 (bench; rv:%d)", random.IntN(30))),
		}
		result := "success"
		if random.IntN(12) == 0 {
			result = "failed"
		} else {
			draft.UserID = pointer(auditUser(user))
		}
		draft.Payload = fmt.Appendf(nil, `{"result":%q,"interaction":"%016x"}`, result, random.Uint64())
		return draft
	}
}

func auditQuestions(k *kind, w world) []question {
	common, rare := auditKeys()[0], auditKeys()[len(auditKeys())-1]
	equal := func(name, key, column, value string, count *counted) question {
		return k.page(page{name: name, filter: map[string]any{key: map[string]any{"eq": value}}, where: "`" + column + "` = ?", args: []any{value}, count: count})
	}
	return []question{
		k.page(page{name: "first page of 20"}),
		equal("a common key", "key", "key", common, nil),
		equal("a rare key", "key", "key", rare, nil),
		k.page(page{name: "all but a common key", filter: map[string]any{"key": map[string]any{"not": []string{common}}}, where: "`key` <> ?", args: []any{common}}),
		k.page(page{name: "a common key or a rare one", filter: map[string]any{"key": map[string]any{"in": []string{common, rare}}},
			where: "`key` IN (?, ?)", args: []any{common, rare}}),
		equal("a user", "userId", "user_id", auditUser(40), nil),
		equal("an application", "applicationId", "application_id", auditApplication(2), nil),
		k.page(page{name: "deep page by cursor", after: w.middle}),
		k.page(page{name: "with totalCount", count: &counted{dimension: 1}}),
		equal("a common key with totalCount", "key", "key", common, &counted{dimension: 2, value: common}),
		equal("a user with totalCount", "userId", "user_id", auditUser(40), &counted{dimension: 3, value: auditUser(40)}),
	}
}
