package main

import (
	"fmt"
	"math/rand/v2"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// What there is of operations.
const (
	operationUsers   = 120
	operationModules = 25
)

func operator(n int) string        { return fmt.Sprintf("operator-%03d", n) }
func operationModule(n int) string { return fmt.Sprintf("module-%02d", n) }

// operations describes the operations.
func operations() *kind {
	return &kind{
		name: "operations", table: "operations", time: "created_at", number: 3, class: "status",
		dimensions: []dimension{
			{number: 1, widths: hourly},
			{number: 2, widths: daily, columns: []string{"user_id", "username"}, absent: true},
			{number: 3, widths: hourly, columns: []string{"action"}},
			{number: 4, widths: daily, columns: []string{"module"}},
		},
		list: "operations", filter: "OperationFilter",
		fields: []field{
			{key: "id", column: "id", number: true, write: writeGlobal("Operation", writeID)},
			{key: "createdAt", column: "created_at", number: true, write: writeTime},
			{key: "action", column: "action", number: true,
				write: writeNamed(1, "CREATE", "UPDATE", "DELETE", "VIEW", "LIST", "LOGIN", "LOGOUT", "EXPORT", "IMPORT", "OTHER")},
			{key: "module", column: "module", write: writeText},
			{key: "description", column: "description", write: writeText},
			{key: "succeeded", column: "status", number: true, write: writeFlag},
			{key: "responseStatus", column: "response_status", number: true, write: writeNumber},
			{key: "userId", column: "user_id", number: true, write: writeNumber},
			{key: "username", column: "username", write: writeText},
			{key: "targetModel", column: "target_model", write: writeText},
			{key: "targetId", column: "target_id", number: true, write: writeNumber},
			{key: "ipAddress", column: "ip_address", write: writeText},
			{key: "userAgent", column: "user_agent", write: writeText},
			{key: "requestData", column: "request_data", write: writeJSON("null")},
		},
		drafts: operationDrafts,
		append: appending(func(j *journal.Journal) *journal.Log[ent.Operation, journal.OperationDraft, journal.OperationFilter] {
			return j.Operations
		}),
		questions: operationQuestions,
	}
}

func operationDrafts(random *rand.Rand) func(column.Time) any {
	user, module := skewed(random, operationUsers, 1.2), skewed(random, operationModules, 1.3)
	action := weighted(random, 12, 20, 5, 25, 25, 4, 3, 3, 1, 2)
	return func(at column.Time) any {
		user, module := user(), operationModule(module())
		draft := journal.OperationDraft{
			CreatedAt: &at, UserID: pointer(int64(user + 1)), Username: pointer(operator(user)),
			Action: column.Action(action() + 1), Module: module, Description: "list of " + module,
			IPAddress: pointer(address(user*5 + random.IntN(2))), UserAgent: pointer("Mozilla/5.0 (bench)"),
			ResponseStatus: pointer(int64(200)), Failed: random.IntN(50) == 0,
		}
		if draft.Failed {
			draft.ResponseStatus = pointer(int64(500))
		}
		if draft.Action <= column.ActionDelete {
			draft.TargetModel, draft.TargetID = pointer(module), pointer(int64(random.IntN(5000)))
			draft.Description = "change of " + module
			draft.RequestData = fmt.Appendf(nil, `{"name":"thing %04x","note":"as agreed","enabled":true}`, random.IntN(1<<16))
		}
		return draft
	}
}

func operationQuestions(k *kind, w world) []question {
	name, module := operator(30), operationModule(3)
	return []question{
		k.page(page{name: "first page of 20"}),
		k.page(page{name: "a user name", filter: map[string]any{"username": map[string]any{"eq": name}}, where: "username = ?", args: []any{name}}),
		k.page(page{name: "an action", filter: map[string]any{"action": map[string]any{"eq": "IMPORT"}}, where: "action = ?", args: []any{int(column.ActionImport)}}),
		k.page(page{name: "a module", filter: map[string]any{"module": map[string]any{"eq": module}}, where: "module = ?", args: []any{module}}),
		k.page(page{name: "failed ones", filter: map[string]any{"succeeded": map[string]any{"eq": false}}, where: "status = ?", args: []any{0}}),
		k.page(page{name: "part of a user name", filter: map[string]any{"username": map[string]any{"contains": "-030"}}, where: "username = ?", args: []any{name}}),
		k.page(page{name: "deep page by cursor", after: w.middle}),
		k.page(page{name: "with totalCount", count: &counted{dimension: 1}}),
		k.page(page{name: "failed ones with totalCount", filter: map[string]any{"succeeded": map[string]any{"eq": false}}, where: "status = ?", args: []any{0},
			count: &counted{dimension: 1, class: pointer(0)}}),
		k.page(page{name: "a module with totalCount", filter: map[string]any{"module": map[string]any{"eq": module}}, where: "module = ?", args: []any{module},
			count: &counted{dimension: 4, value: module}}),
		k.page(page{name: "an action with totalCount", filter: map[string]any{"action": map[string]any{"eq": "IMPORT"}}, where: "action = ?",
			args: []any{int(column.ActionImport)}, count: &counted{dimension: 3, value: fmt.Sprint(int(column.ActionImport))}}),
	}
}
