package ingest_test

import (
	"fmt"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// usageLines are the newapi document's item, and what else must come out as it went
// in.
var usageLines = []string{
	`{"id":1,"user_id":1,"created_at":1640995000,"type":2,"content":"API调用成功","username":"testuser","token_name":"api_token","model_name":"gpt-4","quota":1000,"prompt_tokens":50,"completion_tokens":100,"use_time":2,"is_stream":false,"channel_id":1,"channel_name":"OpenAI渠道","token_id":1,"group":"default","ip":"192.168.1.1","other":"{\"model_ratio\":15.0}"}`,
	`{"id":9007199254740992,` + one + `,"user_id":0,"created_at":-62135596800,"type":5,"content":" \u0000\n","username":"","token_name":"","model_name":"","quota":-9007199254740992,"prompt_tokens":0,"completion_tokens":0,"use_time":0,"is_stream":true,"channel_id":0,"channel_name":"","token_id":0,"group":"","ip":"","other":"no JSON {"}`,
	`{"id":2,"user_id":3,"created_at":253402300799,"type":4,"content":"","username":"a","token_name":"b","model_name":"c","quota":1,"prompt_tokens":2,"completion_tokens":3,"use_time":4,"is_stream":false,"channel_id":5,"channel_name":"d","token_id":6,"group":"e","ip":"-","other":""}`,
}

func documentUsage(line []byte) (journal.Imported[journal.UsageRecordDraft], *fault.Problem) {
	return ingest.UsageRecord(line, ingest.DocumentTypes)
}

func TestUsageRecordRefuses(t *testing.T) {
	refuses(t, documentUsage, []refusal{
		{"no type", `{}`, `type: is required`},
		{"null type", `{"type":null}`, `type: is required`},
		{"type 0", `{"type":0}`, `type: must be 1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)`},
		{"type 258", `{"type":258}`, `type: must be 1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)`},
		{"text as type", `{"type":"2"}`, `type: must be a whole number, not a string`},
		{"text as id", `{"type":2,"id":"1"}`, `id: must be a whole number, not a string`},
		{"id beyond 2^53", `{"type":2,"id":9007199254740993}`, `id: must be between -2^53 and 2^53`},
		{"text as user", `{"type":2,"user_id":"1"}`, `user_id: must be a whole number, not a string`},
		{"text as time", `{"type":2,"created_at":"2025-06-15T08:30:45Z"}`, `created_at: must be a whole number, not a string`},
		{"half seconds", `{"type":2,"created_at":1640995000.5}`, `created_at: "1640995000.5" is not a whole number in plain digits`},
		{"milliseconds", `{"type":2,"created_at":1640995000000}`, `created_at: must be in seconds since 1970, in the years 1 to 9999`},
		{"the year 10000", `{"type":2,"created_at":253402300800}`, `created_at: must be in seconds since 1970, in the years 1 to 9999`},
		{"the year 0", `{"type":2,"created_at":-62135596801}`, `created_at: must be in seconds since 1970, in the years 1 to 9999`},
		{"number as content", `{"type":2,"content":1}`, `content: must be a string, not a number`},
		{"number as name", `{"type":2,"username":1}`, `username: must be a string, not a number`},
		{"number as token's name", `{"type":2,"token_name":1}`, `token_name: must be a string, not a number`},
		{"number as model", `{"type":2,"model_name":4}`, `model_name: must be a string, not a number`},
		{"text as quota", `{"type":2,"quota":"1000"}`, `quota: must be a whole number, not a string`},
		{"fraction as quota", `{"type":2,"quota":0.5}`, `quota: "0.5" is not a whole number in plain digits`},
		{"text as prompt", `{"type":2,"prompt_tokens":"1"}`, `prompt_tokens: must be a whole number, not a string`},
		{"text as completion", `{"type":2,"completion_tokens":"1"}`, `completion_tokens: must be a whole number, not a string`},
		{"text as duration", `{"type":2,"use_time":"2s"}`, `use_time: must be a whole number, not a string`},
		{"number as stream", `{"type":2,"is_stream":0}`, `is_stream: must be true or false, not a number`},
		{"text as channel", `{"type":2,"channel_id":"1"}`, `channel_id: must be a whole number, not a string`},
		{"text as the other channel", `{"type":2,"channel":"1"}`, `channel: must be a whole number, not a string`},
		{"two channels", `{"type":2,"channel_id":1,"channel":2}`, `channel: names another channel than channel_id`},
		{"a channel and none", `{"type":2,"channel":1,"channel_id":0}`, `channel: names another channel than channel_id`},
		{"number as channel's name", `{"type":2,"channel_name":1}`, `channel_name: must be a string, not a number`},
		{"text as token", `{"type":2,"token_id":"1"}`, `token_id: must be a whole number, not a string`},
		{"number as group", `{"type":2,"group":1}`, `group: must be a string, not a number`},
		{"number as ip", `{"type":2,"ip":1}`, `ip: must be a string, not a number`},
		{"object as other", `{"type":2,"other":{"model_ratio":15.0}}`, `other: must be a string, not an object`},
		{"half a surrogate pair", `{"type":2,"other":"\ud800"}`, `other: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"integer beyond 2^53 in an ignored key", `{"type":2,"row":9007199254740993}`, `row: is a number beyond 2^53, write it as a string`},
		{"a tenant's name alone", `{"type":2,"tenant_name":"t"}`, `tenant_name: stands without a tenant_id and would be lost`},
	})
	_, problem := ingest.UsageRecord([]byte(`{"type":6}`), ingest.NewAPICodeTypes)
	if want := `type: must be 1 (top-up), 2 (consume), 3 (manage), 4 (system) or 5 (error)`; problem == nil || problem.String() != want {
		t.Errorf("says %v, want %s", problem, want)
	}
}

func TestUsageRecordIsWrittenAsItCame(t *testing.T) {
	takes(t, documentUsage, writeUsageRecord, usageLines...)
}

func TestUsageRecordNullIsAbsent(t *testing.T) {
	const nothing = `"user_id":0,"created_at":0,"type":2,"content":"","username":"","token_name":"","model_name":"","quota":0,"prompt_tokens":0,"completion_tokens":0,"use_time":0,"is_stream":false,"channel_id":0,"channel_name":"","token_id":0,"group":"","ip":"","other":""}`
	for _, line := range []string{
		`{"type":2}`,
		`{"type":2,"id":null,"user_id":null,"created_at":null,"content":null,"username":null,"token_name":null,"model_name":null,"quota":null,` +
			`"prompt_tokens":null,"completion_tokens":null,"use_time":null,"is_stream":null,"channel_id":null,"channel":null,"channel_name":null,` +
			`"token_id":null,"group":null,"ip":null,"other":null,"tenant_id":null,"tenant_name":null}`,
	} {
		row, problem := documentUsage([]byte(line))
		if problem != nil || row.Draft.ID != nil || row.Draft.CreatedAt != nil {
			t.Fatalf("got %+v, %v", row, problem)
		}
		if got := string(writeUsageRecord(row)); got != `{"id":0,`+nothing {
			t.Errorf("wrote %s\nwant  %s", got, `{"id":0,`+nothing)
		}
	}
}

func TestUsageRecordChannel(t *testing.T) {
	for _, line := range []string{
		`{"type":2,"channel":7}`, `{"type":2,"channel_id":7}`, `{"type":2,"channel":7,"channel_id":7}`,
		`{"type":2,"channel":null,"channel_id":7}`, `{"type":2,"channel":7,"channel_id":null}`,
	} {
		row, problem := documentUsage([]byte(line))
		if problem != nil || row.Draft.ChannelID != 7 {
			t.Errorf("%s: channel %d, %v", line, row.Draft.ChannelID, problem)
		}
	}
}

func TestUsageRecordTypes(t *testing.T) {
	for number, want := range map[ingest.UsageTypes][]column.UsageType{
		ingest.DocumentTypes:   {column.TopUp, column.Consume, column.Manage, column.UsageError, column.UsageSystem},
		ingest.NewAPICodeTypes: {column.TopUp, column.Consume, column.Manage, column.UsageSystem, column.UsageError},
	} {
		for i, want := range want {
			row, problem := ingest.UsageRecord(fmt.Appendf(nil, `{"type":%d}`, i+1), number)
			if problem != nil || row.Draft.Type != want {
				t.Errorf("types %d: %d is %s, want %s (%v)", number, i+1, row.Draft.Type, want, problem)
			}
		}
	}
}

func writeUsageRecord(row journal.Imported[journal.UsageRecordDraft]) []byte {
	d := row.Draft
	return ingest.AppendUsageRecord(nil, &ent.UsageRecord{
		ID: or(d.ID), TenantID: d.TenantID, UserID: d.UserID, CreatedAt: or(d.CreatedAt), Type: d.Type, Username: d.Username,
		TokenName: d.TokenName, ModelName: d.ModelName, Quota: d.Quota, PromptTokens: d.PromptTokens,
		CompletionTokens: d.CompletionTokens, UseTime: d.UseTime, IsStream: d.IsStream, ChannelID: d.ChannelID,
		ChannelName: d.ChannelName, TokenID: d.TokenID, Group: d.Group, IP: d.IP, Content: d.Content, Other: d.Other,
	}, named(row.TenantName))
}

func FuzzUsageRecord(f *testing.F) {
	roundTrip(f, documentUsage, writeUsageRecord, append(usageLines, `{"type":1,"channel":3}`)...)
}
