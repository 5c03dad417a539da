package main

import (
	"fmt"
	"math/rand/v2"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// What there is of API calls.
const (
	callers     = 150
	callPaths   = 400
	callSources = 3000
)

func callerID(n int) string { return fmt.Sprintf("app-%04d-%08x", n, n*2654435761&0xffffffff) }
func callPath(n int) string { return fmt.Sprintf("/v1/resources/%03d/items", n) }

// apiCalls describes the API calls.
func apiCalls() *kind {
	return &kind{
		name: "api-calls", table: "api_calls", time: "operation_time", number: 5, class: "status_code",
		dimensions: []dimension{
			{number: 1, widths: hourly},
			{number: 2, widths: daily, columns: []string{"app_id"}},
		},
		list: "apiCalls", filter: "APICallFilter",
		fields: []field{
			{key: "id", column: "id", write: writeGlobal("APICall", writeText)},
			{key: "operationTime", column: "operation_time", number: true, write: writeTime},
			{key: "appId", column: "app_id", write: writeText},
			{key: "apiPath", column: "api_path", write: writeText},
			{key: "httpMethod", column: "http_method", write: writeText},
			{key: "sourceIp", column: "source_ip", write: writeText},
			{key: "statusCode", column: "status_code", number: true, write: writeNumber},
		},
		drafts: apiCallDrafts,
		append: appending(func(j *journal.Journal) *journal.Log[ent.APICall, journal.APICallDraft, journal.APICallFilter] {
			return j.APICalls
		}),
		questions: apiCallQuestions,
	}
}

func apiCallDrafts(random *rand.Rand) func(column.Time) any {
	caller, path, source := skewed(random, callers, 1.2), skewed(random, callPaths, 1.2), skewed(random, callSources, 1.1)
	method, status := weighted(random, 70, 20, 7, 3), weighted(random, 900, 20, 30, 10, 30, 7, 3)
	methods := []string{"GET", "POST", "PUT", "DELETE"}
	statuses := []int64{200, 201, 304, 403, 404, 500, 503}
	return func(at column.Time) any {
		return journal.APICallDraft{
			OperationTime: &at, AppID: callerID(caller()), APIPath: callPath(path()), HTTPMethod: methods[method()],
			SourceIP: address(source()), StatusCode: statuses[status()],
		}
	}
}

func apiCallQuestions(k *kind, w world) []question {
	app, path, source := callerID(9), callPath(17), address(100)
	return []question{
		k.page(page{name: "first page of 20"}),
		k.page(page{name: "an application", filter: map[string]any{"appId": map[string]any{"eq": app}}, where: "app_id = ?", args: []any{app}}),
		k.page(page{name: "a path", filter: map[string]any{"apiPath": map[string]any{"eq": path}}, where: "api_path = ?", args: []any{path}}),
		k.page(page{name: "a source", filter: map[string]any{"sourceIp": map[string]any{"eq": source}}, where: "source_ip = ?", args: []any{source}}),
		k.page(page{name: "a rare status", filter: map[string]any{"statusCode": map[string]any{"eq": 503}}, where: "status_code = ?", args: []any{503}}),
		k.page(page{name: "deep page by cursor", after: w.middle}),
		k.page(page{name: "with totalCount", count: &counted{dimension: 1}}),
		k.page(page{name: "an application with totalCount", filter: map[string]any{"appId": map[string]any{"eq": app}}, where: "app_id = ?", args: []any{app},
			count: &counted{dimension: 2, value: app}}),
		k.page(page{name: "a rare status with totalCount", filter: map[string]any{"statusCode": map[string]any{"eq": 503}}, where: "status_code = ?", args: []any{503},
			count: &counted{dimension: 1, class: pointer(503)}}),
	}
}
