package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"logbook/ent/column"
)

// against names another server of the newapi dialect, which is asked in place of
// Logbook. Nothing is known of its database: answers cannot be compared, and nothing
// is deleted.
type against struct {
	URL      string `name:"against" help:"Ask the newapi questions of this server and of nothing else, http://HOST:PORT: it should hold the same rows. There is no floor then, and no answer is compared (default none)." placeholder:"URL"`
	AdminKey string `name:"against-admin" env:"BENCH_ADMIN_KEY" help:"Its administrator's access token (default none)." placeholder:"KEY"`
	AdminID  string `name:"against-admin-id" env:"BENCH_ADMIN_ID" help:"The administrator's number (default ${default})." default:"1" placeholder:"ID"`
	UserKey  string `env:"BENCH_USER_KEY" name:"against-user" help:"Access token of user 7, who asks for its own records; without it that is not asked (default none)." placeholder:"KEY"`
	TokenKey string `env:"BENCH_TOKEN_KEY" name:"against-token" help:"Key of token 1, for /api/log/token; without it that is not asked (default none)." placeholder:"KEY"`
}

// other asks the other server.
func (m *measure) other(r *report) error {
	u, err := url.Parse(m.URL)
	if err != nil || u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		return fmt.Errorf("--against %s: want http://HOST:PORT", m.URL)
	}
	if u.Port() == "" {
		u.Host += ":80"
	}
	s := &server{address: u.Host, adminKey: m.AdminKey, adminID: m.AdminID, userKey: m.UserKey, tokenKey: m.TokenKey}
	w, err := worldOfServer(s)
	if err != nil {
		return err
	}
	r.Of = m.URL
	r.print("# newapi at %s, %d rows, newest %s, %s\nnothing holds its answers against another's: look at what they have", m.URL, w.rows, w.newest, machine())
	const head = "%-42s %5s %9s %9s %9s %9s %7s %9s %6s"
	r.line(head, "", "", "", "", "", "", "", "beside", "p50 ÷")
	r.line(head, "question", "conns", "p50 ms", "p95 ms", "req/s", "total", "items", "p50 ms", "beside")
	k := usage()
	for _, q := range newapiQuestions(w) {
		if q.as == newapiUser && m.UserKey == "" || q.as == newapiHolder && m.TokenKey == "" {
			r.print("%-42s no key for it", q.name)
			continue
		}
		if err := q.makeRequest(s); err != nil {
			return err
		}
		total, items, err := look(s, q)
		if err != nil {
			return fmt.Errorf("%q: %w", q.name, err)
		}
		for _, connections := range m.Connections {
			m, err := askFor(r, s.address, q.request, connections, time.Duration(m.Seconds*float64(time.Second)))
			if err != nil {
				return fmt.Errorf("ask %q: %w", q.name, err)
			}
			p50, before, ratio := inMilliseconds(m.percentile(50)), "", ""
			if b := r.beside.find(k.name, q.name, connections); b != nil {
				before, ratio = fmt.Sprintf("%.3f", b.P50), fmt.Sprintf("%.1f", p50/b.P50)
			}
			r.line(head, q.name, fmt.Sprint(connections), milliseconds(m.percentile(50)), milliseconds(m.percentile(95)), rate(m), total, items, before, ratio)
			r.keep(k, line{Name: q.name, Rows: w.rows, Connections: connections, P50: p50, P95: inMilliseconds(m.percentile(95)), PerSecond: m.perSecond()}, nil, "", "")
		}
	}
	return nil
}

// worldOfServer asks a server for its newest record and for how many there are.
func worldOfServer(s *server) (world, error) {
	q := question{path: "/api/log/?p=1&page_size=1", as: newapiAdmin}
	if err := q.makeRequest(s); err != nil {
		return world{}, err
	}
	data, err := newapiAnswer(s, q)
	if err != nil {
		return world{}, err
	}
	var list struct {
		Total int64
		Items []struct {
			CreatedAt int64 `json:"created_at"`
		}
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return world{}, err
	}
	if len(list.Items) == 0 {
		return world{}, errors.New("the server has no records")
	}
	w := world{rows: list.Total, newest: column.TimeOf(time.Unix(list.Items[0].CreatedAt, 0))}
	w.middle = w.newest.Add(-span / 2)
	return w, nil
}

// newapiAnswer asks once and gives the data of a good answer.
func newapiAnswer(s *server, q question) (json.RawMessage, error) {
	answer, err := fetch(s.address, q.request)
	if err != nil {
		return nil, err
	}
	var envelope struct {
		Success bool
		Data    json.RawMessage
	}
	if err := json.Unmarshal(answer, &envelope); err != nil || !envelope.Success {
		return nil, fmt.Errorf("answers %s", shorten(answer))
	}
	return envelope.Data, nil
}

// look gives what an answer has: the total of a list, the quota of a sum, and the
// number of items.
func look(s *server, q question) (total, items string, err error) {
	data, err := newapiAnswer(s, q)
	if err != nil {
		return "", "", err
	}
	if bytes.HasPrefix(data, []byte("[")) || bytes.Equal(data, []byte("null")) {
		var list []json.RawMessage
		err := json.Unmarshal(data, &list)
		return "", fmt.Sprint(len(list)), err
	}
	var answer struct {
		Total, Quota *json.Number
		Items        []json.RawMessage
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return "", "", err
	}
	switch {
	case answer.Total != nil:
		return answer.Total.String(), fmt.Sprint(len(answer.Items)), nil
	case answer.Quota != nil:
		return answer.Quota.String(), "", nil
	}
	return "", "", fmt.Errorf("answers %s", shorten(data))
}
