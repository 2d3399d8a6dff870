package access

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// EnsureKubeconfig writes the file with which identity reaches the API server at the URL server, unless
// what is there will do. context names its cluster, its user and the two together.
func (p *PKI) EnsureKubeconfig(path, context, server string, identity Certificate) error {
	if p.kubeconfigWillDo(path, context, server, identity) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	certificate, err := p.Authority.issue(identity, key)
	if err != nil {
		return err
	}
	secret, err := encodeKey(key)
	if err != nil {
		return err
	}
	config := api.NewConfig()
	config.Clusters[context] = &api.Cluster{Server: server, CertificateAuthorityData: p.Authority.PEM}
	config.AuthInfos[context] = &api.AuthInfo{ClientCertificateData: certificate, ClientKeyData: secret}
	config.Contexts[context] = &api.Context{Cluster: context, AuthInfo: context}
	config.CurrentContext = context
	encoded, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("encode kubeconfig of %s: %w", identity.User, err)
	}
	return writeFile(path, encoded, modeSecret)
}

func (p *PKI) kubeconfigWillDo(path, context, server string, identity Certificate) bool {
	config, err := clientcmd.LoadFromFile(path)
	if err != nil || config.CurrentContext != context || config.Clusters[context] == nil || config.AuthInfos[context] == nil {
		return false
	}
	cluster, user := config.Clusters[context], config.AuthInfos[context]
	pair, err := tls.X509KeyPair(user.ClientCertificateData, user.ClientKeyData)
	return err == nil && cluster.Server == server && bytes.Equal(cluster.CertificateAuthorityData, p.Authority.PEM) &&
		p.Authority.satisfies(pair.Leaf, identity, time.Now())
}
