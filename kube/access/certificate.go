package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"
)

// How long certificates are good for. One that has less than renewBefore left is made anew at the next start.
const (
	authorityLasts   = 10 * 365 * 24 * time.Hour
	certificateLasts = 365 * 24 * time.Hour
	renewBefore      = 30 * 24 * time.Hour
	clockSkew        = time.Hour // a host whose clock is behind must not find the certificate too young
)

// Authority signs certificates. Its key lies in a file beside its certificate.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	PEM         []byte // the certificate, for those who are to trust it
}

// ensureAuthority takes up the authority in path.crt and path.key, or makes it.
func ensureAuthority(path, name string) (*Authority, error) {
	key, err := ensureKey(path + ".key")
	if err != nil {
		return nil, err
	}
	encoded, err := os.ReadFile(path + ".crt")
	if errors.Is(err, fs.ErrNotExist) {
		template := blank(pkix.Name{CommonName: name}, authorityLasts)
		template.IsCA, template.BasicConstraintsValid = true, true
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
		encoded, err = sign(template, template, key, key)
		if err == nil {
			err = writeFile(path+".crt", encoded, modePublic)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w", name, err)
	}
	pair, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	if err != nil {
		return nil, fmt.Errorf("authority %s: %w (a lost key cannot be made again: start anew with an empty data directory)", name, err)
	}
	return &Authority{certificate: pair.Leaf, key: key, PEM: encoded}, nil
}

// ensure makes path.crt and path.key unless what is there already will do.
func (a *Authority) ensure(path string, wanted Certificate) error {
	if pair, err := tls.LoadX509KeyPair(path+".crt", path+".key"); err == nil && a.satisfies(pair.Leaf, wanted, time.Now()) {
		return nil
	}
	key, err := ensureKey(path + ".key")
	if err != nil {
		return err
	}
	encoded, err := a.issue(wanted, key)
	if err != nil {
		return err
	}
	return writeFile(path+".crt", encoded, modePublic)
}

// issue signs a certificate for the key, in PEM.
func (a *Authority) issue(wanted Certificate, key *ecdsa.PrivateKey) ([]byte, error) {
	template := blank(pkix.Name{CommonName: wanted.User, Organization: wanted.Groups}, certificateLasts)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.DNSNames = wanted.DNS
	for _, ip := range wanted.IPs {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	if wanted.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if wanted.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	encoded, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s: %w", wanted.User, err)
	}
	return encoded, nil
}

// satisfies says whether an existing certificate is this authority's, says what is wanted, and lasts.
func (a *Authority) satisfies(have *x509.Certificate, wanted Certificate, now time.Time) bool {
	return have.CheckSignatureFrom(a.certificate) == nil &&
		have.Subject.CommonName == wanted.User &&
		slices.Equal(have.Subject.Organization, wanted.Groups) &&
		slices.Equal(have.DNSNames, wanted.DNS) &&
		slices.EqualFunc(have.IPAddresses, wanted.IPs, func(a net.IP, b netip.Addr) bool { return a.Equal(b.AsSlice()) }) &&
		now.Add(renewBefore).Before(have.NotAfter)
}

// ensureKey reads the private key in path, or makes one.
func ensureKey(path string) (*ecdsa.PrivateKey, error) {
	encoded, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKey(path)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(encoded)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return key, nil
}

func newKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	return key, writeFile(path, encoded, modeSecret)
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func blank(subject pkix.Name, lasts time.Duration) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // crypto/rand does not fail
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-clockSkew), NotAfter: now.Add(lasts)}
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
