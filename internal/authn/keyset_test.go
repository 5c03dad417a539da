package authn_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/fault"
)

// TestMain wants every goroutine that a test started gone, above all those of
// the key sets, which only Close or their context ends.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hsSecret = "0123456789abcdef0123456789abcdef"

// rsaKey, p256Key and so on are made once, since RSA keys take their time.
var (
	rsaKey, otherRSAKey = newRSA(2048), newRSA(2048)
	p256Key             = newEC(elliptic.P256())
	p384Key             = newEC(elliptic.P384())
	p521Key             = newEC(elliptic.P521())
	edKey               = newEd()
)

func newRSA(bits int) *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, bits)) }

func newEC(curve elliptic.Curve) *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(curve, rand.Reader))
}

func newEd() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// jwk gives a key as a member of a set: the public half of a private key, changed
// as told.
func jwk(key crypto.Signer, kid string, changes map[string]any) map[string]any {
	return member(key.Public(), kid, false, changes)
}

func member(key any, kid string, private bool, changes map[string]any) map[string]any {
	made := must(jwkset.NewJWKFromKey(key, jwkset.JWKOptions{
		Marshal: jwkset.JWKMarshalOptions{Private: private}, Metadata: jwkset.JWKMetadataOptions{KID: kid},
	}))
	var fields map[string]any
	if err := json.Unmarshal(must(json.Marshal(made.Marshal())), &fields); err != nil {
		panic(err)
	}
	maps.Copy(fields, changes)
	return fields
}

// set gives a key set's text.
func set(keys ...map[string]any) string {
	if keys == nil {
		keys = []map[string]any{}
	}
	return string(must(json.Marshal(map[string]any{"keys": keys})))
}

// sign makes a JWT that names kid ("" for none), good in every other way unless
// header or claims say otherwise; nil removes a claim.
func sign(method jwt.SigningMethod, key any, kid string, header, changes map[string]any) string {
	claims := jwt.MapClaims{"sub": "7", "role": "viewer", "exp": noon.Add(time.Hour).Unix(), "iss": "issuer", "aud": "logbook"}
	for claim, value := range changes {
		if claims[claim] = value; value == nil {
			delete(claims, claim)
		}
	}
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	maps.Copy(token.Header, header)
	return must(token.SignedString(key))
}

// issuer is a web server for a key set, with a clock to turn.
type issuer struct {
	*httptest.Server
	answer atomic.Pointer[http.HandlerFunc]
	read   chan struct{} // one for each reading, while there is room
	hits   atomic.Int64
	now    atomic.Int64 // seconds after noon
}

func newIssuer(t *testing.T, body string) *issuer {
	t.Helper()
	i := &issuer{read: make(chan struct{}, 100)}
	i.serve(body)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.hits.Add(1)
		(*i.answer.Load())(w, r)
		select {
		case i.read <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(body string) {
	i.behave(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func (i *issuer) behave(answer http.HandlerFunc) { i.answer.Store(&answer) }

func (i *issuer) clock() time.Time { return noon.Add(time.Duration(i.now.Load()) * time.Second) }

// pause lets the time pass in which an unknown key causes no second reading.
func (i *issuer) pause() { i.now.Add(11) }

// keys opens the issuer's set; it is closed with the test.
func (i *issuer) keys(t *testing.T, options authn.KeySetOptions) *authn.KeySet {
	t.Helper()
	options.URL, options.Now = i.URL+"/keys?client=secret", i.clock
	return openKeys(t, options)
}

func openKeys(t *testing.T, options authn.KeySetOptions) *authn.KeySet {
	t.Helper()
	// Not the test's context: Close alone must end the goroutine.
	keys, err := authn.OpenKeySet(context.Background(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	return keys
}

// verifier is an authenticator of JWTs alone.
func verifier(keys *authn.KeySet, secret string) *authn.Authenticator {
	return authn.New(nil, authn.Options{
		JWTSecret: secret, Keys: keys, JWTIssuer: "issuer", JWTAudience: "logbook", Now: func() time.Time { return noon },
	})
}

func wantKind(t *testing.T, what string, a *authn.Authenticator, token string, kind fault.Kind) {
	t.Helper()
	p, err := a.Principal(context.Background(), token)
	if p != nil || fault.KindOf(err) != kind {
		t.Errorf("%s: got %v, %v, want kind %d", what, p, err, kind)
	}
}

func wantSignedIn(t *testing.T, what string, a *authn.Authenticator, token string) {
	t.Helper()
	p, err := a.Principal(context.Background(), token)
	if err != nil || p.Subject != "7" || p.Role != auth.Viewer {
		t.Errorf("%s: got %v, %v", what, p, err)
	}
}

// logged collects a log's lines and tells of each.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func newLogged() (*slog.Logger, *logged) {
	l := &logged{lines: make(chan string, 1000)}
	return slog.New(slog.NewTextHandler(l, nil)), l
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines <- string(line)
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits for a line that has all the parts.
func (l *logged) await(t *testing.T, parts ...string) {
	t.Helper()
next:
	for {
		select {
		case line := <-l.lines:
			for _, part := range parts {
				if !strings.Contains(line, part) {
					continue next
				}
			}
			return
		case <-t.Context().Done():
			t.Fatal("the log never says ", parts)
		}
	}
}

// everyKey is a set with a key for each algorithm, and every key that must be
// passed over.
func everyKey() string {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	return set(
		jwk(rsaKey, "rsa", nil),
		jwk(otherRSAKey, "rs256", map[string]any{"alg": "RS256", "use": "sig"}),
		jwk(p256Key, "p256", map[string]any{"key_ops": []string{"verify"}}),
		jwk(p384Key, "p384", map[string]any{"alg": "ES384"}),
		jwk(p521Key, "p521", nil),
		jwk(edKey, "ed", nil),

		member([]byte(hsSecret), "symmetric", true, nil),
		member([]byte(hsSecret), "symmetric with alg", true, map[string]any{"alg": "HS256"}),
		member(ignoredKeys["private"], "private", true, nil),
		member(ignoredKeys["private EC"], "private EC", true, nil),
		jwk(ignoredKeys["half private"], "half private", map[string]any{"d": "AQAB"}),
		jwk(ignoredKeys["encryption"], "encryption", map[string]any{"use": "enc"}),
		jwk(ignoredKeys["odd use"], "odd use", map[string]any{"use": "SIG"}),
		jwk(ignoredKeys["signing"], "signing", map[string]any{"key_ops": []string{"sign"}}),
		jwk(ignoredKeys["wrong alg"], "wrong alg", map[string]any{"alg": "ES384"}),
		jwk(ignoredKeys["RSA with HS256"], "RSA with HS256", map[string]any{"alg": "HS256"}),
		jwk(ignoredKeys["alg none"], "alg none", map[string]any{"alg": "none"}),
		jwk(ignoredKeys["off its curve"], "off its curve", map[string]any{"x": "AQAB"}),
		jwk(weak, "weak", nil),
		map[string]any{"kty": "OKP", "crv": "Ed448", "x": "AQAB", "kid": "strange"},
		map[string]any{"kty": 5},
		nil,
	)
}

var ignoredKeys = map[string]crypto.Signer{
	"private": rsaKey, "private EC": newEC(elliptic.P256()), "half private": newEC(elliptic.P256()),
	"encryption": newEC(elliptic.P256()), "odd use": newEC(elliptic.P256()), "signing": newEC(elliptic.P256()),
	"wrong alg": newEC(elliptic.P256()), "RSA with HS256": otherRSAKey, "alg none": newEC(elliptic.P256()),
	"off its curve": newEC(elliptic.P256()),
}

// TestKeySetRefusals offers what must not sign in to a server with a key set, and
// to one that also has a secret.
func TestKeySetRefusals(t *testing.T) {
	t.Parallel()
	log, lines := newLogged()
	keys := newIssuer(t, everyKey()).keys(t, authn.KeySetOptions{Log: log})
	pkix := must(x509.MarshalPKIXPublicKey(&rsaKey.PublicKey))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	pkcs1 := x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)
	rs := func(header, changes map[string]any) string {
		return sign(jwt.SigningMethodRS256, rsaKey, "rsa", header, changes)
	}
	good := rs(nil, nil)
	unsigned := strings.Join(strings.Split(sign(jwt.SigningMethodES256, p256Key, "p256", nil, nil), ".")[:2], ".")
	tokens := map[string]string{
		"another key's kid":                  sign(jwt.SigningMethodRS256, rsaKey, "rs256", nil, nil),
		"a kid of another type":              sign(jwt.SigningMethodRS256, rsaKey, "p256", nil, nil),
		"an unknown kid":                     sign(jwt.SigningMethodRS256, rsaKey, "RSA", nil, nil),
		"a kid that is no string":            rs(map[string]any{"kid": 5}, nil),
		"a key outside the set":              sign(jwt.SigningMethodES256, newEC(elliptic.P256()), "p256", nil, nil),
		"a key outside the set, without kid": sign(jwt.SigningMethodES256, newEC(elliptic.P256()), "", nil, nil),
		"no signature, alg none":             sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "rsa", nil, nil),
		"alg None":                           rs(map[string]any{"alg": "None"}, nil),
		"no alg":                             rs(map[string]any{"alg": nil}, nil),
		"no signature":                       unsigned + ".",
		"a signature of zeros":               unsigned + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"HS256 by the public key as PEM":     sign(jwt.SigningMethodHS256, publicPEM, "rsa", nil, nil),
		"HS256 by the PEM without its end":   sign(jwt.SigningMethodHS256, bytes.TrimSpace(publicPEM), "rsa", nil, nil),
		"HS256 by the PEM, without kid":      sign(jwt.SigningMethodHS256, publicPEM, "", nil, nil),
		"HS256 by the public key as DER":     sign(jwt.SigningMethodHS256, pkix, "rsa", nil, nil),
		"HS256 by the public key as PKCS1":   sign(jwt.SigningMethodHS256, pkcs1, "rsa", nil, nil),
		"HS256 by the modulus":               sign(jwt.SigningMethodHS256, rsaKey.N.Bytes(), "rsa", nil, nil),
		"HS256 by the Ed25519 key":           sign(jwt.SigningMethodHS256, []byte(edKey.Public().(ed25519.PublicKey)), "ed", nil, nil),
		"HS384 by the secret":                sign(jwt.SigningMethodHS384, []byte(hsSecret), "symmetric", nil, nil),
		"RS256 over an HS256 signature":      relabel(sign(jwt.SigningMethodHS256, []byte(hsSecret), "", nil, nil), "RS256", "rsa"),
		"HS256 over an RS256 signature":      relabel(good, "HS256", "rsa"),
		"PS256 by a key that is for RS256":   sign(jwt.SigningMethodPS256, otherRSAKey, "rs256", nil, nil),
		"the same without kid":               sign(jwt.SigningMethodPS256, otherRSAKey, "", nil, nil),
		"RS512 by a key that is for RS256":   sign(jwt.SigningMethodRS512, otherRSAKey, "rs256", nil, nil),
		"PS256 labelled RS256":               sign(jwt.SigningMethodPS256, rsaKey, "rsa", map[string]any{"alg": "RS256"}, nil),
		"another's claims under a signature": strings.Split(good, ".")[0] + "." + strings.Split(rs(nil, map[string]any{"role": "admin"}), ".")[1] + "." + strings.Split(good, ".")[2],
		"a critical header":                  rs(map[string]any{"crit": []string{"b64"}, "b64": false}, nil),
		"its own key in the header":          sign(jwt.SigningMethodES256, ignoredKeys["signing"], "", map[string]any{"jwk": jwk(ignoredKeys["signing"], "", nil)}, nil),
		"its own set in the header":          rs(map[string]any{"kid": "x", "jku": "http://127.0.0.1:1/"}, nil),
		"expired":                            rs(nil, map[string]any{"exp": noon.Add(-time.Minute).Unix()}),
		"no end":                             rs(nil, map[string]any{"exp": nil}),
		"not yet":                            rs(nil, map[string]any{"nbf": noon.Add(time.Hour).Unix()}),
		"another issuer":                     rs(nil, map[string]any{"iss": "Issuer"}),
		"no issuer":                          rs(nil, map[string]any{"iss": nil}),
		"another audience":                   rs(nil, map[string]any{"aud": []string{"logbook2"}}),
		"no audience":                        rs(nil, map[string]any{"aud": nil}),
		"no sub":                             rs(nil, map[string]any{"sub": nil}),
		"an unknown role":                    rs(nil, map[string]any{"role": "root"}),
		"the private key of a set":           sign(jwt.SigningMethodRS256, rsaKey, "private", nil, nil),
		"RSA under alg HS256":                sign(jwt.SigningMethodRS256, otherRSAKey, "RSA with HS256", nil, nil),
		"a symmetric key of a set, as ES256": sign(jwt.SigningMethodES256, p256Key, "symmetric", nil, nil),
	}
	for kid, key := range ignoredKeys {
		if ec, is := key.(*ecdsa.PrivateKey); is {
			tokens["the ignored key "+kid] = sign(jwt.SigningMethodES256, ec, kid, nil, nil)
			tokens["the ignored key "+kid+", without kid"] = sign(jwt.SigningMethodES256, ec, "", nil, nil)
		}
	}
	for name, a := range map[string]*authn.Authenticator{
		"keys alone": verifier(keys, ""), "keys and secret": verifier(keys, hsSecret),
	} {
		for what, token := range tokens {
			wantKind(t, name+": "+what, a, token, fault.Unauthenticated)
		}
		wantSignedIn(t, name, a, good)
	}
	hs := sign(jwt.SigningMethodHS256, []byte(hsSecret), "symmetric", nil, nil)
	wantKind(t, "a symmetric key of the set", verifier(keys, ""), hs, fault.Unauthenticated)
	wantSignedIn(t, "the secret, beside a set", verifier(keys, hsSecret), hs)
	wantKind(t, "RS256 where only a secret is known", verifier(nil, hsSecret), good, fault.Unauthenticated)
	wantKind(t, "RS256 where the PEM is the secret", verifier(nil, string(publicPEM)), good, fault.Unauthenticated)
	wantKind(t, "RS256 by an empty set", verifier(openKeys(t, authn.KeySetOptions{}), ""), good, fault.Unauthenticated)
	for _, kid := range []string{"symmetric", "private", "encryption", "signing", "wrong alg", "weak", "strange"} {
		if !strings.Contains(lines.String(), kid) {
			t.Errorf("the log does not say that the key %q is ignored: %s", kid, lines)
		}
	}
	if strings.Contains(lines.String(), "client=secret") || strings.Contains(lines.String(), hsSecret) {
		t.Errorf("the log tells secrets: %s", lines)
	}
}

// relabel gives a token another header over its old signature.
func relabel(token, alg, kid string) string {
	parts := strings.Split(token, ".")
	header := must(json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"}))
	return base64.RawURLEncoding.EncodeToString(header) + "." + parts[1] + "." + parts[2]
}

func TestKeySetAlgorithms(t *testing.T) {
	t.Parallel()
	a := verifier(newIssuer(t, everyKey()).keys(t, authn.KeySetOptions{}), hsSecret)
	for _, test := range []struct {
		method jwt.SigningMethod
		key    any
		kid    string
	}{
		{jwt.SigningMethodRS256, rsaKey, "rsa"},
		{jwt.SigningMethodRS384, rsaKey, "rsa"},
		{jwt.SigningMethodRS512, rsaKey, "rsa"},
		{jwt.SigningMethodPS256, rsaKey, "rsa"},
		{jwt.SigningMethodPS384, rsaKey, "rsa"},
		{jwt.SigningMethodPS512, rsaKey, "rsa"},
		{jwt.SigningMethodRS256, otherRSAKey, "rs256"},
		{jwt.SigningMethodES256, p256Key, "p256"},
		{jwt.SigningMethodES384, p384Key, "p384"},
		{jwt.SigningMethodES512, p521Key, "p521"},
		{jwt.SigningMethodEdDSA, edKey, "ed"},
		{jwt.SigningMethodHS256, []byte(hsSecret), "whatever"},
	} {
		wantSignedIn(t, test.method.Alg(), a, sign(test.method, test.key, test.kid, nil, nil))
		wantSignedIn(t, test.method.Alg()+" without kid", a, sign(test.method, test.key, "", nil, nil))
	}
}

func TestKeySetRotation(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, set(jwk(p256Key, "old", nil)))
	a := verifier(i.keys(t, authn.KeySetOptions{}), "")
	old, young := sign(jwt.SigningMethodES256, p256Key, "old", nil, nil), sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil)
	wantSignedIn(t, "the old key", a, old)
	wantKind(t, "a key that is not there yet", a, young, fault.Unauthenticated)

	i.serve(set(jwk(p256Key, "old", nil), jwk(edKey, "new", nil)))
	wantKind(t, "a new key, within the pause", a, young, fault.Unauthenticated)
	i.pause()
	wantSignedIn(t, "a new key", a, young)
	wantSignedIn(t, "the old key beside it", a, old)

	i.serve(set(jwk(edKey, "new", nil)))
	i.pause()
	wantKind(t, "an unknown key", a, sign(jwt.SigningMethodEdDSA, edKey, "x", nil, nil), fault.Unauthenticated)
	wantKind(t, "the removed key", a, old, fault.Unauthenticated)
	wantSignedIn(t, "the new key alone", a, young)

	i.serve(set())
	i.pause()
	wantKind(t, "the removed key", a, old, fault.Unauthenticated)
	wantKind(t, "a key of a set that was emptied", a, young, fault.Unauthenticated)
}

// TestKeySetRotationMeanwhile wants a key found that comes into the set while an
// older copy of it is on its way.
func TestKeySetRotationMeanwhile(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, "")
	i.behave(func(w http.ResponseWriter, _ *http.Request) {
		i.serve(set(jwk(p256Key, "old", nil), jwk(edKey, "new", nil)))
		_, _ = io.WriteString(w, set(jwk(p256Key, "old", nil)))
	})
	a := verifier(i.keys(t, authn.KeySetOptions{}), "")
	wantSignedIn(t, "the new key", a, sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil))
}

// TestKeySetRefresh wants a key that was removed to die without anybody's asking.
func TestKeySetRefresh(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, set(jwk(p256Key, "old", nil)))
	log, lines := newLogged()
	a := verifier(i.keys(t, authn.KeySetOptions{Refresh: time.Millisecond, Log: log}), "")
	old := sign(jwt.SigningMethodES256, p256Key, "old", nil, nil)
	wantSignedIn(t, "the old key", a, old)
	i.serve(set(jwk(edKey, "new", nil), jwk(p384Key, "newer", nil)))
	lines.await(t, "was read", "keys=2")
	hits := i.hits.Load()
	wantSignedIn(t, "the new key", a, sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil))
	wantKind(t, "the removed key", a, old, fault.Unauthenticated)
	for i.hits.Load() < hits+3 {
		<-i.read
	}
}

// TestKeySetStorm wants any number of unknown keys to cause one reading a pause.
func TestKeySetStorm(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, set(jwk(p256Key, "known", nil)))
	a := verifier(i.keys(t, authn.KeySetOptions{}), "")
	wantSignedIn(t, "the known key", a, sign(jwt.SigningMethodES256, p256Key, "known", nil, nil))
	for round := range 3 {
		var storm sync.WaitGroup
		for n := range 20 {
			storm.Go(func() {
				for m := range 20 {
					token := sign(jwt.SigningMethodES256, p256Key, "kid "+string(rune('a'+n))+string(rune('a'+m)), nil, nil)
					wantKind(t, "an unknown key", a, token, fault.Unauthenticated)
				}
			})
		}
		storm.Wait()
		if hits := i.hits.Load(); hits != int64(round)+2 {
			t.Errorf("round %d: the set was read %d times, want %d", round, hits, round+2)
		}
		i.pause()
	}
	wantSignedIn(t, "the known key, after the storm", a, sign(jwt.SigningMethodES256, p256Key, "known", nil, nil))
}

// failures are the ways in which a key set is not to be had.
var failures = map[string]http.HandlerFunc{
	"500": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, set(jwk(edKey, "new", nil)))
	},
	"204":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
	"a page":          text("<!doctype html><title>Sign in</title>"),
	"nothing":         text(""),
	"null":            text("null"),
	"another object":  text(`{"error":"maintenance"}`),
	"a lone key":      text(string(must(json.Marshal(jwk(edKey, "new", nil))))),
	"keys of no list": text(`{"keys":{"new":1}}`),
	"half a set":      text(set(jwk(edKey, "new", nil))[:40]),
	"two sets":        text(set(jwk(edKey, "new", nil)) + set(jwk(edKey, "new", nil))),
	"too many keys":   text(`{"keys":[{}` + strings.Repeat(",{}", 100) + `]}`),
	"10 MB": func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.TrimSuffix(set(jwk(edKey, "new", nil)), "}")+`,"x":"`+strings.Repeat("x", 10<<20)+`"}`)
	},
	"10 MB that claim to be few": func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush() // chunked
		_, _ = io.WriteString(w, strings.Repeat(" ", 10<<20)+set(jwk(edKey, "new", nil)))
	},
	"a redirect to itself": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, 302) },
	"a redirect to another machine": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.0.2.1/keys", 302)
	},
	"a redirect to a file": func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", 302)
	},
	"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"no end": func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	},
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

// TestKeySetOutage wants the last good keys kept through every failure, and a
// server that starts during one to recover.
func TestKeySetOutage(t *testing.T) {
	t.Parallel()
	old, young := sign(jwt.SigningMethodES256, p256Key, "old", nil, nil), sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil)
	for what, failure := range failures {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			options := authn.KeySetOptions{}
			if what == "no end" {
				options.Timeout = time.Second
			}
			log, lines := newLogged()
			options.Log = log
			i := newIssuer(t, set(jwk(p256Key, "old", nil)))
			a := verifier(i.keys(t, options), "")
			wantSignedIn(t, "before", a, old)
			i.behave(failure)
			wantKind(t, "an unknown key", a, young, fault.Unavailable)
			wantSignedIn(t, "the last good key", a, old)
			if hits := i.hits.Load(); hits > 1+4 {
				t.Errorf("the set was asked for %d times", hits)
			}
			if strings.Contains(what, "to another machine") && !strings.Contains(lines.String(), "may come only from") {
				t.Errorf("a redirect was followed: %s", lines)
			}
			if !strings.Contains(lines.String(), "level=WARN") || strings.Contains(lines.String(), "client=secret") {
				t.Errorf("the log says %s", lines)
			}

			i.pause()
			log, lines = newLogged()
			options.Log = log
			b := verifier(i.keys(t, options), hsSecret)
			wantKind(t, "at the start", b, old, fault.Unavailable)
			wantSignedIn(t, "the secret meanwhile", b, sign(jwt.SigningMethodHS256, []byte(hsSecret), "", nil, nil))
			lines.await(t, "level=WARN", i.URL+"/keys ")

			i.serve(set(jwk(p256Key, "old", nil), jwk(edKey, "new", nil)))
			i.pause()
			wantSignedIn(t, "after", a, young)
			wantSignedIn(t, "after, the old key", a, old)
			i.pause()
			wantSignedIn(t, "after a start without keys", b, young)
			lines.await(t, "level=INFO", "was read")
			lines.await(t, "level=INFO", "can be read again")
		})
	}
}

// TestKeySetUnreachable wants a server to start where nobody listens, and to say
// so to whoever sends a JWT.
func TestKeySetUnreachable(t *testing.T) {
	t.Parallel()
	const nowhere = "http://127.0.0.1:1/keys"
	log, lines := newLogged()
	a := verifier(openKeys(t, authn.KeySetOptions{URL: nowhere, Log: log}), "")
	token := sign(jwt.SigningMethodES256, p256Key, "x", nil, nil)
	wantKind(t, "nobody listens", a, token, fault.Unavailable)
	lines.await(t, "level=WARN", nowhere)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	a.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := auth.Require(r.Context(), auth.Need{}); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "issuer's keys") {
			t.Errorf("a request is told %v", err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// TestKeySetAddresses tells which addresses keys are taken from.
func TestKeySetAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://example.com/keys", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "http://localhost@example.com/",
		"http://127.0.0.2/", "http://0.0.0.0/", "http://[::1]/", "http:///keys", "https:///keys", "https:", "ftp://localhost/", "file:///etc/passwd",
		"localhost:8080", "/keys", "keys.json", "ht tp://x", "https://\x00/",
	} {
		keys, err := authn.OpenKeySet(context.Background(), authn.KeySetOptions{URL: address})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "LOGBOOK_JWKS_URL") {
			t.Errorf("%q: got %v", address, err)
		}
		if err == nil {
			keys.Close()
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel() // so that nothing is fetched
	for _, address := range []string{
		"https://example.com/keys", "HTTPS://example.com", "https://example.com:8443/a?b=c", "http://localhost/", "http://127.0.0.1:1/x", "http://LOCALHOST:1/",
	} {
		keys, err := authn.OpenKeySet(ended, authn.KeySetOptions{URL: address})
		if err != nil {
			t.Errorf("%q: %v", address, err)
			continue
		}
		keys.Close()
	}
}

// TestKeySetTLS wants keys over TLS from a server whose certificate holds, and no
// step back from there.
func TestKeySetTLS(t *testing.T) {
	t.Parallel()
	plain := newIssuer(t, set(jwk(p256Key, "plain", nil)))
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/down":
			http.Redirect(w, r, plain.URL, http.StatusFound)
		case "/moved":
			http.Redirect(w, r, "/keys", http.StatusMovedPermanently)
		default:
			_, _ = io.WriteString(w, set(jwk(p256Key, "secure", nil)))
		}
	}))
	t.Cleanup(secure.Close)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	trusting := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	token := sign(jwt.SigningMethodES256, p256Key, "secure", nil, nil)
	for _, path := range []string{"/keys", "/moved"} {
		a := verifier(openKeys(t, authn.KeySetOptions{URL: secure.URL + path, Transport: trusting}), "")
		wantSignedIn(t, path, a, token)
	}
	down := verifier(openKeys(t, authn.KeySetOptions{URL: secure.URL + "/down", Transport: trusting}), "")
	wantKind(t, "a redirect to http", down, sign(jwt.SigningMethodES256, p256Key, "plain", nil, nil), fault.Unavailable)
	if plain.hits.Load() != 0 {
		t.Error("a redirect from https to http was followed")
	}
	stranger := verifier(openKeys(t, authn.KeySetOptions{URL: secure.URL + "/keys"}), "")
	wantKind(t, "an unknown certificate", stranger, token, fault.Unavailable)
}

func TestKeySetFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(body string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for what, body := range map[string]string{
		"nothing": "", "garbage": "keys", "no set": "{}", "an empty set": set(), "a lone key": string(must(json.Marshal(jwk(edKey, "x", nil)))),
		"private keys only": set(member(p256Key, "x", true, nil)), "too much": set(jwk(edKey, "x", nil)) + strings.Repeat(" ", 1<<20),
	} {
		write(body)
		if _, err := authn.OpenKeySet(context.Background(), authn.KeySetOptions{File: path}); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "LOGBOOK_JWKS_FILE") {
			t.Errorf("%s: got %v", what, err)
		}
	}
	for what, options := range map[string]authn.KeySetOptions{
		"no file":  {File: path + "x"},
		"a folder": {File: t.TempDir()},
		"a device": {File: os.DevNull},
		"both":     {File: path, URL: "https://example.com/"},
	} {
		_, err := authn.OpenKeySet(context.Background(), options)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: got %v", what, err)
		}
		if what == "a device" && !strings.Contains(err.Error(), "regular file") { // it might be a pipe that never ends
			t.Errorf("%s was opened: %v", what, err)
		}
	}

	write(set(jwk(p256Key, "old", nil)))
	log, lines := newLogged()
	a := verifier(openKeys(t, authn.KeySetOptions{File: path, Refresh: time.Millisecond, Log: log}), "")
	old, young := sign(jwt.SigningMethodES256, p256Key, "old", nil, nil), sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil)
	wantSignedIn(t, "the old key", a, old)
	wantKind(t, "a key that is not there yet", a, young, fault.Unauthenticated)

	write("{") // a writer's first half
	lines.await(t, "level=WARN", path, "JSON")
	wantSignedIn(t, "while the file is broken", a, old)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	lines.await(t, "level=WARN", path, "no such file")
	wantSignedIn(t, "while the file is gone", a, old)

	// As a file is replaced properly, and with the old one's size and age kept.
	write(set(jwk(edKey, "new", nil)))
	lines.await(t, "level=INFO", "can be read again")
	wantSignedIn(t, "the new key", a, young)
	wantKind(t, "the removed key", a, old, fault.Unauthenticated)
}

// TestKeySetFileAsked wants a new key of a file found at once, before it is looked
// at anyway.
func TestKeySetFileAsked(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	replace := func(body string) {
		t.Helper()
		if err := os.WriteFile(path+"~", []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	replace(set(jwk(p256Key, "old", nil)))
	a := verifier(openKeys(t, authn.KeySetOptions{File: path, Refresh: time.Hour}), "")
	wantSignedIn(t, "the old key", a, sign(jwt.SigningMethodES256, p256Key, "old", nil, nil))
	replace(set(jwk(edKey, "new", nil)))
	wantSignedIn(t, "the new key", a, sign(jwt.SigningMethodEdDSA, edKey, "new", nil, nil))
	wantKind(t, "the removed key", a, sign(jwt.SigningMethodES256, p256Key, "old", nil, nil), fault.Unauthenticated)
}

// TestKeySetEnds wants Close and the context to end the reading, nobody left
// waiting, and the known keys kept for the requests that are still under way.
func TestKeySetEnds(t *testing.T) {
	t.Parallel()
	known, unknown := sign(jwt.SigningMethodES256, p256Key, "known", nil, nil), sign(jwt.SigningMethodES256, p256Key, "x", nil, nil)
	for what, end := range map[string]func(*authn.KeySet, context.CancelFunc){
		"Close":       func(keys *authn.KeySet, _ context.CancelFunc) { keys.Close() },
		"the context": func(_ *authn.KeySet, cancel context.CancelFunc) { cancel() },
	} {
		i := newIssuer(t, set(jwk(p256Key, "known", nil)))
		ctx, cancel := context.WithCancel(context.Background())
		keys, err := authn.OpenKeySet(ctx, authn.KeySetOptions{URL: i.URL, Now: i.clock})
		if err != nil {
			t.Fatal(err)
		}
		a := verifier(keys, "")
		wantSignedIn(t, what, a, known)
		end(keys, cancel)
		for range 2 {
			if p, err := a.Principal(context.Background(), unknown); p != nil || err == nil {
				t.Errorf("%s: an unknown key signs in", what)
			}
			i.pause()
		}
		wantSignedIn(t, what, a, known)
		keys.Close()
		keys.Close()
		cancel()
	}

	// A set that never answers holds up neither Close nor a caller who leaves.
	i := newIssuer(t, "")
	arrived := make(chan struct{})
	i.behave(func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	keys, err := authn.OpenKeySet(context.Background(), authn.KeySetOptions{URL: i.URL, Timeout: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	<-arrived
	left, leave := context.WithCancel(context.Background())
	leave()
	if _, err := verifier(keys, "").Principal(left, known); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a caller who left is told %v", err)
	}
	keys.Close()
}
