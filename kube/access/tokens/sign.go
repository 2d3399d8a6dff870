package tokens

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
)

// Key signs tokens, and knows its own again.
type Key struct {
	private *ecdsa.PrivateKey
	id      string
}

// ReadKey reads a key in PEM from a file.
func ReadKey(path string) (*Key, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return NewKey(private)
}

// NewKey makes a key of a private one on the curve P-256.
func NewKey(private *ecdsa.PrivateKey) (*Key, error) {
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(public)
	return &Key{private, encode(sum[:])}, nil
}

// header is the first part of a token: how it is signed (RFC 7515).
type header struct {
	Algorithm string `json:"alg"`
	Key       string `json:"kid"`
}

// algorithm is the only one that is believed: a token does not choose how it is checked.
const algorithm = "ES256"

// half is how many bytes each of the two numbers of a signature has (RFC 7518).
const half = 32

func encode(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }

// Sign makes a token of claims.
func (k *Key) Sign(c Claims) (string, error) {
	var parts []string
	for _, part := range []any{header{algorithm, k.id}, c} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts = append(parts, encode(text))
	}
	signed := strings.Join(parts, ".")
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 2*half)
	r.FillBytes(signature[:half])
	s.FillBytes(signature[half:])
	return signed + "." + encode(signature), nil
}

// ErrNotOurs is that a token was not signed with this key.
var ErrNotOurs = errors.New("the token was not signed here")

// Read is what a token says that was signed with this key.
func (k *Key) Read(token string) (c Claims, err error) {
	end := strings.LastIndexByte(token, '.')
	if end < 0 {
		return c, ErrNotOurs
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil || len(signature) != 2*half {
		return c, ErrNotOurs
	}
	sum := sha256.Sum256([]byte(token[:end]))
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	if !ecdsa.Verify(&k.private.PublicKey, sum[:], r, s) {
		return c, ErrNotOurs
	}
	first, second, _ := strings.Cut(token[:end], ".")
	var h header
	for _, part := range []struct {
		text string
		into any
	}{{first, &h}, {second, &c}} {
		text, err := base64.RawURLEncoding.DecodeString(part.text)
		if err == nil {
			err = json.Unmarshal(text, part.into)
		}
		if err != nil {
			return Claims{}, ErrNotOurs
		}
	}
	if h.Algorithm != algorithm {
		return Claims{}, ErrNotOurs
	}
	return c, nil
}
