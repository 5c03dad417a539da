package fault

import (
	"context"
	"fmt"
)

// Language is a language that sentences are worded in, as HTTP names it. The zero
// value stands for none asked for, and reads English.
type Language string

// The languages there are.
const (
	English Language = "en"
	Chinese Language = "zh"
)

type languageKey struct{}

// WithLanguage puts into a context which language the caller asks for.
func WithLanguage(ctx context.Context, language Language) context.Context {
	return context.WithValue(ctx, languageKey{}, language)
}

// LanguageOf gives the language that a context's caller asks for, "" for none.
func LanguageOf(ctx context.Context) Language {
	language, _ := ctx.Value(languageKey{}).(Language)
	return language
}

// Sentence is a text for people, or a part of one, that is not worded before it is
// shown: its English, as a format of package fmt, and the arguments, which may be
// sentences too. The English is also what finds the Chinese (chinese.go). The zero
// value is the empty text.
type Sentence struct {
	format string
	args   []any
}

// Say makes a sentence. The format must be a literal, for the test that looks
// whether it can be said in every language; what is the same in all of them goes
// under "%s".
func Say(format string, args ...any) Sentence { return Sentence{format, args} }

// In words the sentence in a language.
func (s Sentence) In(language Language) string {
	format := s.format
	if language == Chinese {
		if known, ok := chinese[format]; ok {
			format = known
		}
	}
	args := make([]any, len(s.args))
	for i, arg := range s.args {
		if part, ok := arg.(Sentence); ok {
			arg = part.In(language)
		}
		args[i] = arg
	}
	return fmt.Sprintf(format, args...)
}

// String words the sentence in English.
func (s Sentence) String() string { return s.In(English) }
