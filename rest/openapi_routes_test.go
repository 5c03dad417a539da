package rest

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"logbook/internal/rawjson"
)

// TestOpenAPIListsTheRoutes holds that route tables and description have the same
// methods and paths, under the dialect's name.
func TestOpenAPIListsTheRoutes(t *testing.T) {
	t.Parallel()
	served := map[string][]string{
		"logbook": {"GET /export/{kind}", "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json"},
	}
	for _, d := range dialects(nil, nil) {
		for _, line := range d.routes() {
			served[d.name()] = append(served[d.name()], line.method+" "+line.path)
		}
	}
	described := map[string][]string{}
	document := decoded[struct {
		Paths map[string]map[string]struct{ Tags []string }
		Tags  []struct{ Name string }
	}](openAPI)
	for path, item := range document.Paths {
		for method, operation := range item {
			if len(operation.Tags) != 1 {
				t.Errorf("%s %s has the tags %q, want one", method, path, operation.Tags)
				continue
			}
			described[operation.Tags[0]] = append(described[operation.Tags[0]], strings.ToUpper(method)+" "+path)
		}
	}
	for _, tag := range document.Tags {
		slices.Sort(served[tag.Name])
		slices.Sort(described[tag.Name])
		if !slices.Equal(served[tag.Name], described[tag.Name]) {
			t.Errorf("%s\nserves    %q\ndescribes %q", tag.Name, served[tag.Name], described[tag.Name])
		}
		delete(served, tag.Name)
		delete(described, tag.Name)
	}
	if len(served) > 0 || len(described) > 0 {
		t.Errorf("under no tag: served %q, described %q", served, described)
	}
}

// TestOpenAPIHasTheAnswersFields holds that the schemas of answers have the fields
// that the handlers write, in the same order, and want those that are always there.
func TestOpenAPIHasTheAnswersFields(t *testing.T) {
	t.Parallel()
	schemas := decoded[struct {
		Components struct {
			Schemas map[string]struct {
				Properties json.RawMessage
				Required   []string
				Additional *bool `json:"additionalProperties"`
			}
		}
	}](openAPI).Components.Schemas
	for name, written := range map[string]any{
		"newapi.RecordsAnswer": newapiEnvelope{}, "newapi.Page": newapiPage{}, "newapi.Record": newapiItem{}, "newapi.Stat": newapiStat{},
		"scitiger.CreatedAnswer": scitigerEnvelope{}, "scitiger.Page": scitigerPage{}, "scitiger.Item": scitigerItem{},
		"scitiger.Pagination": scitigerPagination{}, "scitiger.Detail": scitigerDetail{}, "scitiger.Created": scitigerCreated{},
		"scitiger.Deleted": scitigerDeleted{}, "scitiger.Stats": scitigerStats{}, "scitiger.Levels": scitigerLevels{}, "scitiger.Day": scitigerDay{},
		"codebird.PageAnswer": codebirdEnvelope{}, "codebird.Page": codebirdPage{}, "codebird.Log": codebirdLog{},
		"hertz.Page": hertzPage{}, "hertz.Item": hertzItem{}, "hertz.Pagination": hertzPagination{}, "hertz.Log": hertzLog{},
		"trae.PageAnswer": traeEnvelope{}, "trae.Page": traePage{}, "trae.Log": traeLog{}, "trae.Pagination": traePagination{},
	} {
		schema := schemas[name]
		if schema.Additional == nil || *schema.Additional {
			t.Errorf("%s is not closed", name)
		}
		var properties []string
		if err := rawjson.EachMember(schema.Properties, func(key string, _ []byte) error {
			properties = append(properties, key)
			return nil
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var fields, always []string
		for _, field := range reflect.VisibleFields(reflect.TypeOf(written)) {
			key, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.Anonymous {
				continue
			}
			fields = append(fields, key)
			if options != "omitempty" {
				always = append(always, key)
			}
		}
		if !slices.Equal(properties, fields) {
			t.Errorf("%s\ndescribes %q\nwrites    %q", name, properties, fields)
		}
		envelope := strings.HasSuffix(name, "Answer") // whose schema is of one answer, the struct of all
		if !slices.Equal(schema.Required, always) && !(envelope && slices.Equal(schema.Required, fields)) {
			t.Errorf("%s\nrequires     %q\nalways writes %q", name, schema.Required, always)
		}
	}
}
