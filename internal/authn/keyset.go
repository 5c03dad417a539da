package authn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/internal/fault"
)

// The limits of looking after a key set.
const (
	urlRefresh   = 15 * time.Minute // a set at a URL is fetched again, should nobody ask for it sooner
	fileRefresh  = 5 * time.Second  // a file is looked at again
	firstRetry   = 5 * time.Second  // after a failure; each further one doubles it
	askPause     = 10 * time.Second // between two readings that unknown keys ask for
	fetchTimeout = 10 * time.Second
	maxSetBytes  = 1 << 20
	maxRedirects = 3
)

// KeySet is the JSON Web Key Set (RFC 7517) whose public keys verify JWTs. It
// is read when it is opened, again every so often, and, at most once in ten
// seconds, when a token names a key that is not known. A reading that fails
// changes nothing: the keys of the last good one stay, however long that lasts.
// A reading that succeeds replaces all of them, so that a key which has left the
// set is no longer believed. A new key under an old kid, or for tokens without
// kid, is found by the regular reading only.
//
// One goroutine reads; Close or the context of OpenKeySet ends it. A KeySet is
// safe for concurrent use.
type KeySet struct {
	name    string // the source, for the log: no password, no query
	load    func(context.Context) ([]byte, error)
	timeout time.Duration
	refresh time.Duration
	log     *slog.Logger
	now     func() time.Time

	stop  context.CancelFunc
	ended chan struct{} // closed when the reading goroutine has ended
	wake  chan struct{} // holds one; makes that goroutine read

	mu      sync.Mutex
	text    []byte // of the last good set; nil before the first
	keys    []publicKey
	failing string        // why the last reading failed; "" where it did not
	flight  chan struct{} // closed when the reading under way ends; nil for none
	asked   time.Time     // when an unknown key last caused a reading
}

// KeySetOptions say where a key set is and how it is looked after. URL and File
// exclude each other.
type KeySetOptions struct {
	URL  string // https, or http on this machine ("localhost", "127.0.0.1"); "" for none
	File string // "" for none

	Log       *slog.Logger     // what was read, and what could not be; nil for nowhere
	Now       func() time.Time // nil for the system's clock
	Refresh   time.Duration    // between two readings; 0 for 15 minutes, of a file 5 seconds
	Timeout   time.Duration    // of one reading; 0 for 10 seconds
	Transport *http.Transport  // copied; nil for the standard one
}

// OpenKeySet begins to look after a key set; Close it. Where neither a URL nor a
// file is named, the set is empty and verifies nothing.
//
// It fails with kind Invalid for a URL that may not be used and for a file that
// holds no usable key. It does not wait for a URL: a server must start without
// its issuer.
func OpenKeySet(ctx context.Context, options KeySetOptions) (*KeySet, error) {
	s := &KeySet{
		log: options.Log, now: options.Now, refresh: options.Refresh, timeout: options.Timeout,
		ended: make(chan struct{}), wake: make(chan struct{}, 1),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.timeout == 0 {
		s.timeout = fetchTimeout
	}
	usual := urlRefresh
	switch {
	case options.URL != "" && options.File != "":
		return nil, fault.New(fault.Invalid, "LOGBOOK_JWKS_URL and LOGBOOK_JWKS_FILE are both set: name the key set once")
	case options.URL != "":
		address, err := parseSetURL(options.URL)
		if err != nil {
			return nil, fault.New(fault.Invalid, "LOGBOOK_JWKS_URL: %s", err)
		}
		shown := *address
		shown.User, shown.RawQuery, shown.Fragment = nil, "", ""
		s.name, s.load = shown.String(), fetcher(address.String(), options.Transport)
	case options.File != "":
		s.name, s.load = options.File, func(context.Context) ([]byte, error) { return readSetFile(options.File) }
		usual = fileRefresh
		text, err := s.load(ctx)
		if err == nil {
			err = s.take(text)
		}
		if err == nil && len(s.keys) == 0 {
			err = errors.New("it holds no key that verifies JWTs")
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "LOGBOOK_JWKS_FILE %s: %s", options.File, err)
		}
	default:
		s.stop = func() {}
		close(s.ended)
		return s, nil
	}
	if s.refresh == 0 {
		s.refresh = usual
	}
	s.flight = make(chan struct{}) // the first tokens wait for the first reading
	ctx, s.stop = context.WithCancel(ctx)
	go s.run(ctx) // Close ends it
	return s, nil
}

// Close ends the reading and waits for its end. The keys that are known stay.
func (s *KeySet) Close() {
	s.stop()
	<-s.ended
}

// configured says whether there is a set at all. A nil set is none.
func (s *KeySet) configured() bool { return s != nil && s.load != nil }

// find gives the keys that may verify a token of this alg: those of this kid, or
// all where the token names none (""). It waits for the reading that an unknown
// key asks for. It fails with kind Unauthenticated where the set has no such key,
// and Unavailable where that cannot be known, since the set cannot be read.
func (s *KeySet) find(ctx context.Context, alg, kid string) ([]jwt.VerificationKey, error) {
	found := s.lookUp(alg, kid)
	for try, stale := 0, true; len(found) == 0 && stale && try < 2; try++ { // a second reading began after the call
		stale = s.ask(ctx)
		found = s.lookUp(alg, kid)
	}
	if len(found) > 0 {
		return found, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.text == nil:
		return nil, fault.New(fault.Unavailable, "the JWT cannot be verified yet: the server has not been able to fetch its issuer's keys; try again later")
	case s.failing != "":
		return nil, fault.New(fault.Unavailable, "the JWT cannot be verified now: its key is not known, and the server cannot fetch its issuer's keys; try again later")
	}
	return nil, fault.New(fault.Unauthenticated, "the JWT is not valid: the server's key set has no such key for %s", alg)
}

// lookUp gives the known keys that fit.
func (s *KeySet) lookUp(alg, kid string) []jwt.VerificationKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []jwt.VerificationKey
	for _, key := range s.keys {
		if (kid == "" || kid == key.kid) && slices.Contains(key.algs, alg) {
			found = append(found, key.key)
		}
	}
	return found
}

// ask has the set read once more, unless that was done a moment ago, and waits
// for that reading. Whatever callers send, they cause one reading in askPause.
// Where a reading is under way already, ask waits for that one instead, and is
// stale where it succeeded: it may have begun before the key came into the set.
func (s *KeySet) ask(ctx context.Context) (stale bool) {
	s.mu.Lock()
	flight, joined := s.flight, s.flight != nil
	if !joined {
		now := s.now()
		if !s.asked.IsZero() && now.Sub(s.asked) < askPause {
			s.mu.Unlock()
			return false
		}
		s.asked = now
		flight = make(chan struct{})
		s.flight = flight
		s.wake <- struct{}{} // has room: it is emptied before flight is nil again
	}
	s.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
		return false
	case <-s.ended:
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return joined && s.failing == ""
}

// run reads the set until the context ends.
func (s *KeySet) run(ctx context.Context) {
	defer close(s.ended)
	retry := firstRetry
	for {
		wait := s.refresh
		if s.read(ctx) {
			retry = firstRetry
		} else {
			wait, retry = min(retry, s.refresh), min(2*retry, s.refresh)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-s.wake:
			timer.Stop()
		}
	}
}

// read reads the set once and says whether that succeeded.
func (s *KeySet) read(ctx context.Context) bool {
	s.mu.Lock()
	if s.flight == nil {
		s.flight = make(chan struct{})
	}
	s.mu.Unlock()

	limited, cancel := context.WithTimeout(ctx, s.timeout)
	text, err := s.load(limited)
	cancel()
	if err == nil {
		err = s.take(text)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.wake: // whoever asked has waited for this reading
	default:
	}
	close(s.flight)
	s.flight = nil
	switch {
	case err != nil && ctx.Err() != nil: // the server stops
	case err != nil && err.Error() != s.failing:
		s.failing = err.Error()
		s.log.Warn("the key set for JWTs cannot be read; the last good keys stay", "from", s.name, "keys", len(s.keys), "error", err)
	case err == nil && s.failing != "":
		s.failing = ""
		s.log.Info("the key set for JWTs can be read again", "from", s.name)
	}
	return err == nil
}

// take replaces the keys by those of a set's text.
func (s *KeySet) take(text []byte) error {
	if s.text != nil && bytes.Equal(text, s.text) { // only this goroutine writes it
		return nil
	}
	keys, ignored, err := parseKeySet(text)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if len(keys) == 0 {
		level = slog.LevelWarn
	}
	s.log.Log(context.Background(), level, "the key set for JWTs was read", "from", s.name, "keys", len(keys), "ignored", ignored)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text, s.keys = text, keys
	return nil
}

// parseSetURL reads the address of a key set and says what is wrong with it.
func parseSetURL(text string) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("it is no URL")
	}
	return address, checkSetURL(address)
}

// checkSetURL accepts where keys may come from: over TLS, or from this machine.
// Whoever can change them on their way can sign in as anybody.
func checkSetURL(address *url.URL) error {
	host := strings.ToLower(address.Hostname())
	local := host == "localhost" || host == "127.0.0.1"
	if address.Scheme == "https" && host != "" || address.Scheme == "http" && local {
		return nil
	}
	return errors.New("a key set may come only from https:// or, on this machine, from http://localhost or http://127.0.0.1")
}

// fetcher gives what fetches the set at an address.
func fetcher(address string, transport *http.Transport) func(context.Context) ([]byte, error) {
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport)
	}
	transport = transport.Clone()
	transport.DisableKeepAlives = true // a connection would idle for minutes
	transport.MaxResponseHeaderBytes = 64 << 10
	client := &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return fmt.Errorf("it redirects more than %d times", maxRedirects)
		case via[0].URL.Scheme == "https" && r.URL.Scheme != "https":
			return errors.New("it redirects from https to http")
		}
		return checkSetURL(r.URL)
	}}
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "application/jwk-set+json, application/json")
		r.Header.Set("User-Agent", "logbook")
		answer, err := client.Do(r)
		if err != nil {
			var wrapped *url.Error // repeats the address, its query included
			if errors.As(err, &wrapped) {
				err = wrapped.Err
			}
			return nil, err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("it answers %d, not 200", answer.StatusCode)
		}
		return readSet(answer.Body)
	}
}

// readSetFile reads the set in a file.
func readSetFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // opening a pipe would wait for its writer
	if err == nil && !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	var file *os.File
	if err == nil {
		file, err = os.Open(path)
	}
	if err != nil {
		var wrapped *fs.PathError // repeats the path
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer file.Close()
	return readSet(file)
}

// readSet reads a set's text; more than maxSetBytes is an error.
func readSet(from io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(from, maxSetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxSetBytes {
		return nil, fmt.Errorf("it is larger than %d bytes", maxSetBytes)
	}
	return text, nil
}
