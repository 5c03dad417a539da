package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"logbook/internal/fault"
)

func TestIn(t *testing.T) {
	t.Parallel()
	problem := func(index int, field string) fault.Problem {
		return fault.Problem{Index: index, Field: field, Reason: fault.WrongType,
			Detail: fault.Say("%s, not %s", fault.Say("a string"), fault.Say("an array"))}
	}
	var many []fault.Problem
	english, chinese := "", ""
	for i := range 12 {
		many = append(many, problem(i, "f"))
		if i < 10 {
			english += fmt.Sprintf("[%d].f: must be a string, not an array; ", i)
			chinese += fmt.Sprintf("[%d].f: 应为字符串，而不是数组; ", i)
		}
	}
	for _, c := range []struct {
		err              *fault.Error
		english, chinese string
	}{
		{fault.New(fault.Conflict, "the user id %d or the name %q is taken", 1<<40, "a"),
			`the user id 1099511627776 or the name "a" is taken`, `用户 ID 1099511627776 或名称 "a" 已被占用`},
		{fault.New(fault.Invalid, "a sentence of a test: 100 %% of %s", fault.Say("a UUID")),
			"a sentence of a test: 100 % of a UUID", "a sentence of a test: 100 % of UUID"}, // without Chinese
		{fault.Wrap(fault.Forbidden, errors.New("SECRET"), "there is no key"), "there is no key", "未提供密钥"},
		{fault.Refuse(problem(-1, "")), "must be a string, not an array", "应为字符串，而不是数组"},
		{fault.Refuse(problem(-1, "f"), problem(3, "g")),
			"f: must be a string, not an array; [3].g: must be a string, not an array", "f: 应为字符串，而不是数组; [3].g: 应为字符串，而不是数组"},
		{fault.Refuse(many...), english + "and 2 more", chinese + "另有 2 处"},
		{fault.RefuseField("f", fault.NotChoice, "x%d", "%s", "a, b"), `f: "x%d" is none of a, b`, `f: "x%d" 不在可选值之中：a, b`},
	} {
		for language, want := range map[fault.Language]string{fault.English: c.english, "": c.english, fault.Chinese: c.chinese} {
			if got := c.err.In(language); got != want {
				t.Errorf("in %q: got %q, want %q", language, got, want)
			}
		}
	}
}
