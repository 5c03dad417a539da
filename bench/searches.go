package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/journal"
)

// searches is the command "search": how long the newapi system's search takes that finds
// nothing, by the length of what is looked for, and how large the blocks are that it is
// found by. Half of the texts are English, half Chinese; one in four has a random id.
type searches struct {
	Rows int    `help:"How many usage records (default ${default})." default:"1000000"`
	DB   string `help:"sqlite, mysql or an address (default ${default})." default:"sqlite"`
}

// Run loads, seals, asks and prints.
func (s *searches) Run(p process) error {
	e, stop, err := startEngine(p, s.DB, false)
	if err != nil {
		return err
	}
	defer stop()
	random := rand.New(rand.NewPCG(1, 2))
	texts := newTexts(random)
	k := usage()
	drafts := k.drafts
	k.drafts = func(random *rand.Rand) func(at column.Time) any {
		draft := drafts(random)
		return func(at column.Time) any {
			made := draft(at).(journal.UsageRecordDraft)
			made.Content = texts.next()
			return made
		}
	}
	loaded, err := fill(p, k, e, s.Rows, 1)
	if err != nil {
		return err
	}
	if loaded != nil {
		p.print("# searches, %s: %s", e.name, loaded)
	}
	database, err := db.Open(p, e.address)
	if err != nil {
		return err
	}
	defer database.Close()
	began := time.Now()
	if err := journal.New(database, journal.Options{}).Seal(system(p)); err != nil {
		return err
	}
	p.print("sealed in %.1f s", time.Since(began).Seconds())
	said, err := blocksOf(p, e)
	if err != nil {
		return err
	}
	p.print("%s", said)

	serving := httptest.NewServer(serverHandler(database))
	defer serving.Close()
	p.print("the whole answer where all but the last character occurs, the least of %d", leastOf)
	p.print("%-10s%14s%14s", "characters", "ASCII ms", "Chinese ms")
	for length := 1; length <= 16; length++ {
		var times [2]time.Duration
		for i, needle := range []func() string{
			func() string { return texts.english(length-1) + "~" },
			func() string { return texts.chinese(length-1) + "〇" },
		} {
			if times[i], err = leastSearch(p, serving.URL, needle); err != nil {
				return err
			}
		}
		p.print("%-10d%14s%14s", length, milliseconds(times[0]), milliseconds(times[1]))
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	p.print("memory: %s from the system for this process, heap %s", megabytes(int64(memory.Sys)), megabytes(int64(memory.HeapSys)))
	return nil
}

// leastOf is how often each length is asked for.
const leastOf = 21

// leastSearch gives the time of the quickest of some searches, each for another text, with
// its whole answer: what else the machine does is not in it.
func leastSearch(ctx context.Context, server string, needle func() string) (time.Duration, error) {
	list := make([]time.Duration, 0, leastOf)
	for range leastOf {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/log/search?keyword="+url.QueryEscape(needle()), nil)
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+signedKey(auth.Admin))
		request.Header.Set("New-Api-User", fmt.Sprint(ownUser))
		began := time.Now()
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return 0, err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil {
			return 0, err
		}
		if answer.StatusCode != http.StatusOK {
			return 0, fmt.Errorf("the search answers %d", answer.StatusCode)
		}
		list = append(list, time.Since(began))
	}
	return slices.Min(list), nil
}

// blocksOf says how large the blocks are beside the texts that they are of.
func blocksOf(ctx context.Context, e *engine) (string, error) {
	database, err := e.openToWrite(ctx)
	if err != nil {
		return "", err
	}
	defer database.Close()
	length := "LENGTH(CAST(%s AS BLOB))"
	if e.mysql {
		length = "LENGTH(%s)"
	}
	var text int64
	for table, columns := range searchedTexts {
		sums := make([]string, len(columns))
		for i, column := range columns {
			sums[i] = "COALESCE(SUM(" + fmt.Sprintf(length, column) + "), 0)"
		}
		var bytes int64
		if err := database.QueryRowContext(ctx, "SELECT "+strings.Join(sums, " + ")+" FROM "+table).Scan(&bytes); err != nil {
			return "", err
		}
		text += bytes
	}
	var blocks, filters int64
	err = database.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(LENGTH(filter)), 0) FROM text_blocks").Scan(&blocks, &filters)
	if err != nil || blocks == 0 {
		return "blocks: none", err
	}
	all, err := sizesOf(ctx, e)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(all.tables, func(t tableSize) bool { return t.name == "text_blocks" })
	size := all.tables[at].total()
	return fmt.Sprintf("blocks: %d, filters %s, %.1f %% of %s of searched text; with their table and its indexes %s, %.1f %%",
		blocks, megabytes(filters), percent(filters, text), megabytes(text), megabytes(size), percent(size, text)), nil
}

// searchedTexts are the columns that blocks know.
var searchedTexts = map[string][]string{
	"entries":       {"message", "username", "ip_address", "request_id"},
	"audit_events":  {"ip"},
	"operations":    {"ip_address"},
	"usage_records": {"content", "model_name", "ip"},
	"api_calls":     {"api_path", "source_ip"},
}

// texts makes texts of random words.
type texts struct {
	random *rand.Rand
	words  []string
	pick   func() int
	signs  func() int
}

func newTexts(random *rand.Rand) *texts {
	t := &texts{random: random, pick: skewed(random, 3000, 1.1), signs: skewed(random, 4000, 1.1)}
	for range 3000 {
		word := make([]byte, 3+random.IntN(8))
		for i := range word {
			word[i] = "etaoinshrdlucmfwypvbgkjqxz"[min(random.IntN(26), random.IntN(26))]
		}
		t.words = append(t.words, string(word))
	}
	return t
}

func (t *texts) next() string {
	var text string
	if t.random.IntN(2) == 0 {
		text = t.english(40 + t.random.IntN(80))
	} else {
		text = t.chinese(12+t.random.IntN(28)) + fmt.Sprint(t.random.IntN(10_000))
	}
	if t.random.IntN(4) == 0 {
		text += fmt.Sprintf(" %016x", t.random.Uint64())
	}
	return text
}

// english gives so many characters of words.
func (t *texts) english(length int) string {
	var b strings.Builder
	for b.Len() < length+1 {
		b.WriteString(t.words[t.pick()])
		b.WriteByte(' ')
	}
	return b.String()[:length]
}

// chinese gives so many characters, some of which are frequent.
func (t *texts) chinese(length int) string {
	var b strings.Builder
	for range length {
		b.WriteRune(rune(0x4e00 + t.signs()*5))
	}
	return b.String()
}
