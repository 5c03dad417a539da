package authn

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"logbook/internal/fault"
)

// publicKey is a key of a set, and the algorithms that it may verify: the one
// its alg names, else all that its type and curve fit. A key verifies nothing
// else, whatever a token says (RFC 8725, section 3.1).
type publicKey struct {
	kid  string // "" for none
	algs []string
	key  jwt.VerificationKey
}

// publicAlgs are the algorithms that keys of a set verify.
var publicAlgs = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// Bounds of a set and of its RSA keys. A larger modulus costs each caller's
// request too much.
const (
	maxKeys    = 100
	minRSABits = 2048
	maxRSABits = 8192
)

// parseKeySet reads a JSON Web Key Set. A key that cannot verify JWTs, or must
// not, is passed over, and ignored says why; that is the set's normal state,
// since issuers list keys for encryption beside these. It fails where the text is
// no key set, whatever else it may be.
func parseKeySet(text []byte) (keys []publicKey, ignored []string, err error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, errors.New("it is not a JSON Web Key Set: it cannot be read as JSON")
	}
	if set.Keys == nil {
		return nil, nil, errors.New(`it is not a JSON Web Key Set: it has no "keys"`)
	}
	if len(*set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("it has more than %d keys", maxKeys)
	}
	for i, raw := range *set.Keys {
		key, err := parseKey(raw)
		if err != nil {
			ignored = append(ignored, fmt.Sprintf("key %d (kid %q): %s", i, fault.Shorten(key.kid), err))
			continue
		}
		keys = append(keys, key)
	}
	return keys, ignored, nil
}

// parseKey reads one key of a set. Its error says why the key verifies nothing;
// the kid, where there is one, is given even so.
func parseKey(raw json.RawMessage) (publicKey, error) {
	var m jwkset.JWKMarshal
	if err := json.Unmarshal(raw, &m); err != nil {
		return publicKey{}, errors.New("cannot be read")
	}
	key := publicKey{kid: m.KID}
	switch {
	case m.KTY == jwkset.KtyOct || m.K != "":
		return key, errors.New("is symmetric; whoever reads the set could sign with it")
	case m.D != "" || m.P != "" || m.Q != "" || m.DP != "" || m.DQ != "" || m.QI != "" || len(m.OTH) > 0:
		return key, errors.New("is private; whoever reads the set could sign with it")
	case m.USE != "" && m.USE != jwkset.UseSig:
		return key, errors.New("is not for signatures (use)")
	case len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify):
		return key, errors.New("is not for verifying (key_ops)")
	}
	// The key is believed because of where the set comes from: certificates add
	// nothing, and x5u would have the server fetch what the set names.
	m.X5U, m.X5C, m.X5T, m.X5TS256 = "", nil, "", ""
	parsed, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{SkipUse: true, SkipKeyOps: true})
	if err != nil {
		return key, fmt.Errorf("is not valid or not supported: %w", err)
	}
	switch k := parsed.Key().(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return key, fmt.Errorf("is RSA of %d bits; %d to %d are taken", bits, minRSABits, maxRSABits)
		}
		key.key, key.algs = k, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	case *ecdsa.PublicKey:
		// The curve belongs to the algorithm: RFC 7518, section 3.4.
		key.key, key.algs = k, map[int][]string{256: {"ES256"}, 384: {"ES384"}, 521: {"ES512"}}[k.Curve.Params().BitSize]
	case ed25519.PublicKey:
		key.key, key.algs = k, []string{"EdDSA"}
	default:
		return key, errors.New("is of a type that makes no signatures")
	}
	if alg := string(m.ALG); alg != "" {
		if !slices.Contains(key.algs, alg) {
			return key, fmt.Errorf("has an alg that its type does not fit or that is not taken: %q", fault.Shorten(alg))
		}
		key.algs = []string{alg}
	}
	return key, nil
}
