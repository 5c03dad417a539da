package resolvers

import (
	"container/list"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"

	"logbook/internal/rawjson"
)

// digest is the SHA-256 of a document's text, by which a caller may name it.
type digest [sha256.Size]byte

// String gives the digest in hexadecimal.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

// persistedQueryNotFound is the message by which clients know that they have to
// send the document; some look at nothing else, so it is no sentence and never
// another language's.
const persistedQueryNotFound = "PersistedQueryNotFound"

// persistedQuery reads the member persistedQuery of a request's extensions, as
// Apollo's automatic persisted queries have it: {"version": 1, "sha256Hash": "…"}.
// It gives nil where there is none. extensions is checked JSON, an object.
func persistedQuery(extensions []byte) (*digest, *refused) {
	members, ok := membersOf(extensions)
	raw := members["persistedQuery"]
	switch {
	case ok && raw == nil:
		return nil, nil
	case ok && raw[0] != '{':
		return nil, badRequest(http.StatusBadRequest, "%s must be an object", "extensions.persistedQuery")
	case ok:
		members, ok = membersOf(raw)
	}
	if !ok {
		return nil, badRequest(http.StatusBadRequest, "extensions names a member twice, or by half a surrogate pair, or has more than %d", maxMembers)
	}
	if string(members["version"]) != "1" {
		return nil, badRequest(http.StatusBadRequest, "extensions.persistedQuery.version must be 1")
	}
	hash, _ := rawjson.Text(members["sha256Hash"])
	named, ok := parseDigest(hash)
	if !ok {
		return nil, badRequest(http.StatusBadRequest, "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits")
	}
	return &named, nil
}

// documentID reads a request's member documentId, as the appendix on persisted
// documents of GraphQL over HTTP has it: a document's SHA-256 in hexadecimal, with
// "sha256:" in front or without. raw is checked JSON.
func documentID(raw []byte) (*digest, *refused) {
	text := ""
	if raw[0] == '"' {
		text, _ = rawjson.Text(raw)
	}
	named, ok := parseDigest(text)
	if !ok {
		return nil, badRequest(http.StatusBadRequest, "documentId must be a SHA-256, 64 hexadecimal digits")
	}
	return &named, nil
}

// parseDigest reads 64 hexadecimal digits, with "sha256:" in front or without.
func parseDigest(text string) (named digest, ok bool) {
	sum, err := hex.DecodeString(strings.TrimPrefix(text, "sha256:"))
	if err != nil || len(sum) != len(named) {
		return named, false
	}
	return digest(sum), true
}

// persistedQueries remembers documents by their digests, so that callers need not
// send them again; of more than it may hold it forgets those that were asked for
// longest ago. The zero value is ready; it is safe for concurrent use.
type persistedQueries struct {
	mu    sync.Mutex
	known map[digest]*list.Element // of persisted
	order list.List                // the one asked for last in front
	bytes int                      // that it takes, about
}

type persisted struct {
	digest digest
	text   string
}

// What is remembered takes 8 MiB at most; beside its text each document takes some
// room of its own.
const (
	maxPersistedBytes = 8 << 20
	persistedOverhead = 256
)

func (p persisted) bytes() int { return len(p.text) + persistedOverhead }

// get gives the document of a digest, "" where none is known.
func (p *persistedQueries) get(named digest) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	element := p.known[named]
	if element == nil {
		return ""
	}
	return element.Value.(persisted).text
}

// add remembers that a document, whose digest is the one given, was asked for.
func (p *persistedQueries) add(named digest, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[digest]*list.Element{}
	}
	if element := p.known[named]; element != nil {
		p.order.MoveToFront(element)
		return
	}
	added := persisted{named, text}
	p.known[named] = p.order.PushFront(added)
	for p.bytes += added.bytes(); p.bytes > maxPersistedBytes; {
		oldest := p.order.Remove(p.order.Back()).(persisted)
		delete(p.known, oldest.digest)
		p.bytes -= oldest.bytes()
	}
}
