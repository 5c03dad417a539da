package resolvers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"

	"logbook/graph"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// PersistedDocuments are the documents that may be run where not every one may: those
// of a front end, as its build wrote them down. Administrators may run any, so that the
// playground and whoever looks into a problem is not kept out. It is never changed, so
// it is safe for concurrent use; nil allows everything.
type PersistedDocuments struct {
	texts map[digest]string
}

// maxPersistedFile is how large the file of documents may be, in bytes.
const maxPersistedFile = 16 << 20

// ReadPersistedDocuments reads a file of documents: a JSON object of documents by
// their SHA-256 in hexadecimal, as graphql-codegen and Relay's compiler write it where
// they are told to use SHA-256. It fails with kind Invalid where the file cannot be
// read, or a document would be refused by the schema or its limits.
func ReadPersistedDocuments(path string) (*PersistedDocuments, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "--persisted-documents %s: the file cannot be read", path)
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\ufeff")))
	switch {
	case len(raw) > maxPersistedFile:
		return nil, fault.New(fault.Invalid, "--persisted-documents %s: the file is larger than %d bytes", path, maxPersistedFile)
	case len(raw) == 0 || raw[0] != '{' || rawjson.CheckSyntax(raw) != nil:
		return nil, fault.New(fault.Invalid, "--persisted-documents %s: want a JSON object of documents by their SHA-256", path)
	}
	checking := &engine{schema: graph.NewExecutableSchema(graph.Config{Schema: served()})}
	documents := &PersistedDocuments{texts: map[digest]string{}}
	err = rawjson.Members(raw, func(name string, value []byte) error {
		named, ok := parseDigest(name)
		text := ""
		if value[0] == '"' {
			text, _ = rawjson.Text(value)
		}
		switch {
		case !ok:
			return fault.New(fault.Invalid, "--persisted-documents %s: %q is no SHA-256, 64 hexadecimal digits", path, fault.Shorten(name))
		case named != sha256.Sum256([]byte(text)):
			return fault.New(fault.Invalid, "--persisted-documents %s: %s is not the SHA-256 of its document", path, named)
		}
		if _, errs := checking.prepare(text, true, false); errs != nil {
			word(errs, fault.English)
			return fault.New(fault.Invalid, "--persisted-documents %s: the document %s would be refused: %s", path, named, errs[0].Message)
		}
		documents.texts[named] = text
		return nil
	})
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return nil, known
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "--persisted-documents %s: a document stands there twice", path)
	}
	return documents, nil
}

// text gives the document of a digest, "" where there is none.
func (d *PersistedDocuments) text(named digest) string {
	if d == nil {
		return ""
	}
	return d.texts[named]
}

// allow says whether a caller may run what a request sends or names.
func (d *PersistedDocuments) allow(caller *auth.Principal, r request) bool {
	if d == nil || caller != nil && caller.Role == auth.Admin {
		return true
	}
	named := r.persisted
	if r.query != "" { // its digest is checked, where one is sent too
		named = new(digest(sha256.Sum256([]byte(r.query))))
	}
	return d.texts[*named] != ""
}
