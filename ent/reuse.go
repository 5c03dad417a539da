package ent

// reuse gives the places that the first row of an answer is scanned into to all of them;
// template/reuse.tmpl says why.
func reuse(scanValues func([]string) ([]any, error)) func([]string) ([]any, error) {
	var values []any
	return func(columns []string) (_ []any, err error) {
		if values == nil {
			values, err = scanValues(columns)
		}
		return values, err
	}
}
