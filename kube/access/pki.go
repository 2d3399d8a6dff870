package access

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path/filepath"
)

// PKI is the directory of a cluster's keys and certificates. The files are named as kubeadm names
// them, each with .crt and .key:
//
//	ca                          the cluster's authority
//	apiserver                   what the API server shows
//	apiserver-kubelet-client    what the API server shows to kubelets
//	apiserver-etcd-client       what the API server shows to etcd
//	etcd/ca, etcd/server, etcd/peer
//	sa.key, sa.pub              the pair that signs service accounts' tokens
type PKI struct {
	Dir       string
	Authority *Authority // of the cluster
}

// EnsurePKI makes what is missing in dir and renews what is too old or says something else than wanted.
// It can be called again at any time, also after it was cut off in the middle.
func EnsurePKI(dir string, controlPlane ControlPlane) (*PKI, error) {
	pki := &PKI{Dir: dir}
	for file, certificates := range controlPlane.certificates() {
		authority, err := ensureAuthority(filepath.Join(dir, file), "kubelab "+file)
		if err != nil {
			return nil, err
		}
		for name, wanted := range certificates {
			if err := authority.ensure(filepath.Join(dir, name), wanted); err != nil {
				return nil, err
			}
		}
		if file == authorityFile {
			pki.Authority = authority
		}
	}
	return pki, ensureSigningPair(filepath.Join(dir, "sa"))
}

// OpenPKI takes up what [EnsurePKI] made, to give more parties an identity.
func OpenPKI(dir string) (*PKI, error) {
	authority, err := ensureAuthority(filepath.Join(dir, authorityFile), "kubelab "+authorityFile)
	return &PKI{Dir: dir, Authority: authority}, err
}

// EnsureCertificate makes path.crt and path.key, signed by the cluster's authority, unless what is
// there will do.
func (p *PKI) EnsureCertificate(path string, wanted Certificate) error {
	return p.Authority.ensure(path, wanted)
}

func ensureSigningPair(path string) error {
	key, err := ensureKey(path + ".key")
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("public key of service accounts: %w", err)
	}
	return writeFile(path+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), modePublic)
}
