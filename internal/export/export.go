// Package export writes rows out: all of a kind that pass a filter, oldest first,
// in constant memory. The command `logbook export` and the path /export/ both call
// it, so a field is named and read alike in both.
//
// # What is asked for
//
// A Term is a field and its value as text. The fields are the keys of the kind's
// lines (and since and until); kinds.go has the tables. A field that the kind does
// not have, a value that cannot be read and a field that stands twice are refused
// with one sentence, never left out: an export with a misspelt filter must not be
// the whole table. The empty text is a value like others.
//
// # What is written
//
// NDJSON is what package ingest writes and `logbook import` reads, a line a row.
//
// CSV is RFC 4180: UTF-8 without a mark, lines that end with CR LF, one header
// row. The columns are the keys of the line in their order, every one of them in
// every row. Text stands as it is; numbers as in the line; booleans as true and
// false; a JSON value (metadata, payload, request_data) as its JSON text. Null and
// absent are an empty field, the empty text is a quoted one (""). Nothing is put in
// front of values that begin with = + - @, which a spreadsheet may take for a
// formula: this is an export of data, and a log whose values were changed on the
// way out is none. Whoever opens it in a spreadsheet should import the columns as
// text.
//
// # Over HTTP
//
// GET /export/{kind} takes the fields as query parameters, once each, and format:
// ndjson (the default) or csv. HEAD gives GET's status and headers of the same
// question without reading a row. Package web packs the answer where the caller
// accepts gzip, which HEAD does not say.
//
// Who may is decided before anything is read, as for the lists, and which rows by
// the row policy:
//
//	entries     entries:read
//	audit       audit:read
//	operations  system:log:list and system:log:query, since details are shown
//	usage       usage:read, or a user for its own rows
//	api-calls   audit; app_id is masked for all but administrators
//
// An error that comes before the first byte of the answer is a JSON object of one
// shape, with the status beside it:
//
//	{"error":{"code":"FORBIDDEN","message":"this needs the permission \"audit:read\""}}
//
//	400 BAD_USER_INPUT      a parameter is unknown, stands twice or cannot be read
//	401 UNAUTHENTICATED     nobody is signed in
//	403 FORBIDDEN           whoever is signed in may not
//	404 NOT_FOUND           there is no such kind
//	405 METHOD_NOT_ALLOWED  neither GET nor HEAD; Allow lists them
//	500 INTERNAL            the log has the details, under X-Request-Id
//	503 UNAVAILABLE         the database does not answer
//
// An error in the middle breaks the connection off, so that what came is not taken
// for the whole: HTTP/1.1 then lacks its last chunk, HTTP/2 resets the stream, and
// every client says so. (HTTP/1.0 has no such mark; there only gzip shows it.)
//
// # Streaming
//
// Rows are read a page at a time and no snapshot is held, so rows that come in
// meanwhile may be in it. Memory does not grow with the export. A caller that
// leaves stops the reading; so does one that takes nothing for two minutes.
package export

import (
	"context"
	"io"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// Kind is a kind of log as exports know it. It is never changed.
type Kind struct {
	Name    string
	Needs   []auth.Need // of the caller, all of them
	Fields  []string    // what a Term may name: keys of the lines, since and until
	Columns []string    // the keys of a line, in its order

	json string // the column that holds JSON
	read func(ctx context.Context, j *journal.Journal, terms []Term) (eachLine, error)
}

// Term is one condition: the field and the value that it must have.
type Term struct{ Field, Value string }

// eachLine calls fn for every line of an answer, without its line end. A line is
// valid until fn returns.
type eachLine func(ctx context.Context, fn func(line []byte) error) error

// Rows gives the rows that meet all terms. It reads none yet. It fails with kind
// Invalid and one problem, whose Field is the term's.
func (k *Kind) Rows(ctx context.Context, j *journal.Journal, terms []Term) (*Rows, error) {
	each, err := k.read(ctx, j, terms)
	if err != nil {
		return nil, err
	}
	return &Rows{k, each}, nil
}

// Rows are the rows of one export.
type Rows struct {
	kind *Kind
	each eachLine
}

// WriteNDJSON writes the rows as NDJSON, oldest first, with one call of Write each.
// What the context's principal may not see is left out.
func (r *Rows) WriteNDJSON(ctx context.Context, w io.Writer) error {
	var row []byte
	return r.each(ctx, func(line []byte) error {
		row = append(append(row[:0], line...), '\n')
		_, err := w.Write(row)
		return err
	})
}

// table is what makes one kind different from the others.
type table[R, D, F any] struct {
	name    string
	needs   []auth.Need
	columns []string
	json    string
	fields  []field[F] // besides since and until
	log     func(*journal.Journal) *journal.Log[R, D, F]
	span    func(*F) (since, until **column.Time)
	tenant  func(*R) *column.ID
	append  func(ctx context.Context, j *journal.Journal, b []byte, row *R, tenant *ent.Tenant) ([]byte, error)
}

// kind gives the table as a Kind.
func (t *table[R, D, F]) kind() *Kind {
	k := &Kind{Name: t.name, Needs: t.needs, Columns: t.columns, json: t.json}
	for _, field := range t.allFields() {
		k.Fields = append(k.Fields, field.name)
	}
	k.read = func(ctx context.Context, j *journal.Journal, terms []Term) (eachLine, error) {
		filter, err := readTerms(ctx, j, t.allFields(), terms)
		if err != nil {
			return nil, err
		}
		return t.each(j, filter), nil
	}
	return k
}

func (t *table[R, D, F]) allFields() []field[F] {
	all := append([]field[F]{}, t.fields...)
	return append(all,
		instant("since", func(f *F) **column.Time { since, _ := t.span(f); return since }),
		instant("until", func(f *F) **column.Time { _, until := t.span(f); return until }))
}

// each gives the lines of the rows that pass a filter.
func (t *table[R, D, F]) each(j *journal.Journal, filter F) eachLine {
	return func(ctx context.Context, fn func(line []byte) error) error {
		var line []byte
		return t.log(j).Each(ctx, filter, func(row *R) error {
			tenant, err := j.Tenant(ctx, t.tenant(row))
			if err != nil {
				return err
			}
			if line, err = t.append(ctx, j, line[:0], row, tenant); err != nil {
				return err
			}
			return fn(line)
		})
	}
}
