package resolvers

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// The limits of a document, which schema.graphqls promises. They are held before
// it is validated, since validating is what an attack would make expensive.
const (
	maxDocument   = 64 << 10 // bytes
	maxTokens     = 10_000
	maxName       = 128 // bytes; an answer may say an alias for every row
	maxDepth      = 15  // fields inside each other
	maxRootFields = 100
	maxFields     = 500
	maxDirectives = 100
	maxAliases    = 100
	maxComplexity = 25_000
)

// checkNames refuses a document with a name that is too long. Most have no word of that
// length, and are spared being read once more.
func checkNames(text string) *gqlerror.Error {
	inWord := func(r rune) bool {
		return r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	}
	words := strings.FieldsFuncSeq(text, func(r rune) bool { return !inWord(r) })
	long := false
	for word := range words {
		long = long || len(word) > maxName
	}
	read := lexer.New(&ast.Source{Input: text})
	for long {
		token, err := read.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			break // the parser says what is wrong
		}
		if token.Kind == lexer.Name && len(token.Value) > maxName {
			return at(refusal(codeValidationFailed, "the document has a name of more than %d bytes", maxName), &token.Pos)
		}
	}
	return nil
}

// size measures a document that is parsed but not yet validated. A fragment
// counts wherever it is spread, so that what is counted is what would be
// answered; counting stops at the first limit, so it is never long.
type size struct {
	fragments  map[string]*ast.FragmentDefinition
	spreading  map[string]bool // the fragments around the present place
	reached    map[string]bool
	fields     int
	rootFields int
	directives int
	aliases    int
	introspect bool
}

// measure says whether a document asks about the schema, or which limit it goes
// beyond.
func measure(document *ast.QueryDocument) (introspects bool, refused *gqlerror.Error) {
	s := &size{
		fragments: make(map[string]*ast.FragmentDefinition, len(document.Fragments)),
		spreading: map[string]bool{}, reached: map[string]bool{},
	}
	for _, fragment := range document.Fragments {
		s.fragments[fragment.Name] = fragment
	}
	for _, operation := range document.Operations {
		refused := s.annotated(operation.Directives)
		for _, variable := range operation.VariableDefinitions {
			if refused == nil {
				refused = s.annotated(variable.Directives)
			}
		}
		s.rootFields = 0
		if refused == nil {
			refused = s.selected(operation.SelectionSet, 1)
		}
		if refused != nil {
			return false, refused
		}
	}
	for _, fragment := range document.Fragments { // which no operation spreads
		if !s.reached[fragment.Name] {
			if refused := s.spread(fragment, 2); refused != nil {
				return false, refused
			}
		}
	}
	return s.introspect, nil
}

func (s *size) selected(set ast.SelectionSet, depth int) *gqlerror.Error {
	for _, selection := range set {
		var refused *gqlerror.Error
		switch selection := selection.(type) {
		case *ast.Field:
			refused = s.field(selection, depth)
		case *ast.InlineFragment:
			if refused = s.annotated(selection.Directives); refused == nil {
				refused = s.selected(selection.SelectionSet, depth)
			}
		case *ast.FragmentSpread:
			if refused = s.annotated(selection.Directives); refused == nil {
				refused = s.spread(s.fragments[selection.Name], depth)
			}
		}
		if refused != nil {
			return refused
		}
	}
	return nil
}

// spread measures a fragment at a place. One that spreads itself is left to the
// validator, which refuses it.
func (s *size) spread(fragment *ast.FragmentDefinition, depth int) *gqlerror.Error {
	if fragment == nil || s.spreading[fragment.Name] {
		return nil
	}
	s.spreading[fragment.Name], s.reached[fragment.Name] = true, true
	defer delete(s.spreading, fragment.Name)
	// A spread counts as a field, or fragments that hold only spreads would be free.
	if s.fields++; s.fields > maxFields {
		return refusal(codeValidationFailed, "the document selects more than %d fields", maxFields)
	}
	if refused := s.annotated(fragment.Directives); refused != nil {
		return refused
	}
	return s.selected(fragment.SelectionSet, depth)
}

func (s *size) field(field *ast.Field, depth int) *gqlerror.Error {
	if depth > maxDepth {
		return at(refusal(codeValidationFailed, "the document is more than %d fields deep", maxDepth), field.Position)
	}
	if depth == 1 {
		s.introspect = s.introspect || field.Name == "__schema" || field.Name == "__type"
		if s.rootFields++; s.rootFields > maxRootFields {
			return refusal(codeValidationFailed, "the operation has more than %d root fields", maxRootFields)
		}
	}
	if s.fields++; s.fields > maxFields {
		return refusal(codeValidationFailed, "the document selects more than %d fields", maxFields)
	}
	if field.Alias != field.Name {
		if s.aliases++; s.aliases > maxAliases {
			return refusal(codeValidationFailed, "the document has more than %d aliases", maxAliases)
		}
	}
	if refused := s.annotated(field.Directives); refused != nil {
		return refused
	}
	return s.selected(field.SelectionSet, depth+1)
}

func (s *size) annotated(list ast.DirectiveList) *gqlerror.Error {
	if s.directives += len(list); s.directives > maxDirectives {
		return refusal(codeValidationFailed, "the document has more than %d directives", maxDirectives)
	}
	return nil
}
