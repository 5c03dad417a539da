package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// What there is of usage records.
const (
	usageUsers    = 50
	usageTokens   = 200
	usageModels   = 20
	usageChannels = 10
	usageGroups   = 4
)

// The widths of all records' buckets and of users'.
var (
	usageWidths = []int64{5, 60, 1440, 23040}
	userWidths  = []int64{240, 1440, 23040}
)

func modelName(n int) string { return fmt.Sprintf("model-%02d", n) }
func usageUser(n int) string { return fmt.Sprintf("user-%02d", n) }

// ownUser is the user that asks for its own records.
const ownUser = 7

// usage describes the usage records.
func usage() *kind {
	return &kind{
		name: "usage", table: "usage_records", time: "created_at", number: 4, class: "type",
		sums: []string{"quota", "prompt_tokens", "completion_tokens"},
		dimensions: []dimension{
			{number: 1, widths: usageWidths},
			{number: 2, widths: hourly, columns: []string{"model_name"}},
			{number: 3, widths: userWidths, columns: []string{"user_id", "username"}},
			{number: 4, widths: daily, columns: []string{"token_id", "token_name"}},
			{number: 5, widths: hourly, columns: []string{"channel_id"}},
			{number: 6, widths: hourly, columns: []string{"group"}},
			{number: 7, widths: []int64{widest}, columns: []string{"username", "user_id"}},
		},
		list: "usageRecords", filter: "UsageRecordFilter",
		fields: append(ownUsageFields(),
			field{key: "channelName", column: "channel_name", write: writeText},
			field{key: "other", column: "other", write: writeText}),
		drafts: usageDrafts,
		append: appending(func(j *journal.Journal) *journal.Log[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter] {
			return j.UsageRecords
		}),
		questions: func(k *kind, w world) []question { return append(newapiQuestions(w), usageQuestions(k, w)...) },
		sign:      makeHeldToken,
	}
}

// ownUsageFields are the fields that a user sees unchanged of its own records.
func ownUsageFields() []field {
	return []field{
		{key: "id", column: "id", number: true, write: writeGlobal("UsageRecord", writeID)},
		{key: "createdAt", column: "created_at", number: true, write: writeTime},
		{key: "type", column: "type", number: true, write: writeNamed(1, "TOP_UP", "CONSUME", "MANAGE", "ERROR", "SYSTEM")},
		{key: "userId", column: "user_id", number: true, write: writeNumber},
		{key: "username", column: "username", write: writeText},
		{key: "tokenId", column: "token_id", number: true, write: writeNumber},
		{key: "tokenName", column: "token_name", write: writeText},
		{key: "modelName", column: "model_name", write: writeText},
		{key: "quota", column: "quota", number: true, write: writeNumber},
		{key: "promptTokens", column: "prompt_tokens", number: true, write: writeNumber},
		{key: "completionTokens", column: "completion_tokens", number: true, write: writeNumber},
		{key: "useTime", column: "use_time", number: true, write: writeNumber},
		{key: "isStream", column: "is_stream", number: true, write: writeFlag},
		{key: "channelId", column: "channel_id", number: true, write: writeNumber},
		{key: "group", column: "group", write: writeText},
		{key: "ip", column: "ip", write: writeText},
		{key: "content", column: "content", write: writeText},
	}
}

func usageDrafts(random *rand.Rand) func(column.Time) any {
	token, model, channel := skewed(random, usageTokens, 1.2), skewed(random, usageModels, 1.6), skewed(random, usageChannels, 1.5)
	class := weighted(random, 10, 940, 10, 35, 5)
	return func(at column.Time) any {
		token := token()
		user := token%usageUsers + 1
		draft := journal.UsageRecordDraft{
			CreatedAt: &at, Type: column.UsageTypes[class()],
			UserID: int64(user), Username: usageUser(user), IP: address(user*7 + random.IntN(3)),
			Group: fmt.Sprintf("group-%d", user%usageGroups),
		}
		switch draft.Type {
		case column.Consume, column.UsageError:
			draft.TokenID, draft.TokenName = int64(token+1), fmt.Sprintf("token-%03d", token+1)
			draft.ModelName = modelName(model())
			channel := channel() + 1
			draft.ChannelID, draft.ChannelName = int64(channel), fmt.Sprintf("channel-%02d", channel)
			draft.UseTime, draft.IsStream = min(amount(random, 4), 600), random.IntN(2) == 0
			draft.PromptTokens = amount(random, 900)
			if draft.Type == column.UsageError {
				draft.Content = fmt.Sprintf("upstream answered %d: the model is overloaded, try again (request %016x)", 500+random.IntN(4), random.Uint64())
				return draft
			}
			draft.CompletionTokens = amount(random, 300)
			draft.Quota = draft.PromptTokens + 3*draft.CompletionTokens
			draft.Content = fmt.Sprintf("model ratio %d.00, group ratio 1.00", 1+random.IntN(30))
			draft.Other = fmt.Sprintf(`{"cache_ratio":0,"cache_tokens":0,"completion_ratio":3,"frt":%d,"group_ratio":1,"model_price":-1,"model_ratio":1}`, 200+random.IntN(4000))
		case column.TopUp:
			draft.Quota = 500_000
			draft.Content = "topped up by 1.00"
		case column.Manage:
			draft.Content = "the administrator changed the user's quota"
		case column.UsageSystem:
			draft.Content = "a new user's quota was given"
		}
		return draft
	}
}

func usageQuestions(k *kind, w world) []question {
	common, rare := modelName(0), modelName(usageModels-1)
	dayFrom, dayUntil := w.newest.Add(-31*24*time.Hour), w.newest.Add(-30*24*time.Hour)
	day := map[string]any{"since": dayFrom, "until": dayUntil}
	within := func(filter map[string]any) map[string]any {
		for key, value := range day {
			filter[key] = value
		}
		return filter
	}
	own := page{name: "user's own first page", as: "user", where: "user_id = ?", args: []any{ownUser}, fields: ownUsageFields()}
	return []question{
		k.page(page{name: "first page of 20"}),
		k.page(page{name: "last 12 hours", filter: map[string]any{"since": w.newest.Add(-12 * time.Hour)},
			where: "created_at >= ?", args: []any{w.newest.Add(-12 * time.Hour)}}),
		k.page(page{name: "type=2 and one day", filter: within(map[string]any{"type": map[string]any{"eq": "CONSUME"}}),
			where: "created_at >= ? AND created_at < ? AND type = ?", args: []any{dayFrom, dayUntil, 2}}),
		k.page(page{name: "a common model", filter: map[string]any{"modelName": map[string]any{"eq": common}}, where: "model_name = ?", args: []any{common}}),
		k.page(page{name: "a rare model and one day", filter: within(map[string]any{"modelName": map[string]any{"eq": rare}}),
			where: "created_at >= ? AND created_at < ? AND model_name = ?", args: []any{dayFrom, dayUntil, rare}}),
		// The floor is told the user's number: the roll-ups know it.
		k.page(page{name: "username", filter: map[string]any{"username": map[string]any{"eq": usageUser(ownUser)}},
			where: "user_id = ? AND username = ?", args: []any{ownUser, usageUser(ownUser)}}),
		k.page(own),
		k.page(page{name: "a token", filter: map[string]any{"tokenId": map[string]any{"eq": 12}}, where: "token_id = ?", args: []any{12}}),
		k.page(page{name: "deep page by cursor", after: w.middle}),
		k.usageStats(w, "stats over 30 days", w.newest.Add(-30*24*time.Hour), 0),
		k.usageStats(w, "stats over all", 0, 0),
		k.usageStats(w, "stats of one user, 30 days", w.newest.Add(-30*24*time.Hour), ownUser),
		k.page(page{name: "with totalCount", count: &counted{dimension: 1}}),
		k.page(page{name: "a common model with totalCount", filter: map[string]any{"modelName": map[string]any{"eq": common}}, where: "model_name = ?",
			args: []any{common}, count: &counted{dimension: 2, value: common}}),
		k.page(page{name: "search, many hits", filter: map[string]any{"search": "OVERLOADED"}, search: "content", text: "overloaded"}),
		k.page(page{name: "search, no hit", filter: map[string]any{"search": "no such text 7f3a"}, search: "content", text: "no such text 7f3a", wanted: wanted{grown: grownSearch}}),
	}
}
