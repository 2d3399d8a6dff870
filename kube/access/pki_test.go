package access

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

var plane = ControlPlane{
	IPs:       []netip.Addr{netip.MustParseAddr("172.30.0.10")},
	ServiceIP: netip.MustParseAddr("10.96.0.1"),
	Domain:    "cluster.local",
}

func makePKI(t *testing.T, dir string) *PKI {
	t.Helper()
	pki, err := EnsurePKI(dir, plane)
	if err != nil {
		t.Fatal(err)
	}
	return pki
}

// contents is every file below dir with what is in it.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, path))
		found[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestASecondStartKeepsEveryKeyAndCertificate(t *testing.T) {
	dir := t.TempDir()
	makePKI(t, dir)
	before := contents(t, dir)
	makePKI(t, dir)
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the second start changed (-before +after):\n%s", diff)
	}
}

func TestAStartThatWasCutOffIsCompletedByTheNext(t *testing.T) {
	whole := t.TempDir()
	makePKI(t, whole)
	for lost := range contents(t, whole) {
		if lost == "ca.key" || lost == "etcd/ca.key" {
			continue // nothing can bring these back; see the next test
		}
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, lost)); err != nil {
			t.Fatal(err)
		}
		makePKI(t, dir)
		if _, again := contents(t, dir)[lost]; !again {
			t.Errorf("%s was not made again", lost)
		}
		if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key")); err != nil {
			t.Errorf("without %s: %v", lost, err)
		}
	}
}

func TestALostAuthorityKeyIsAnErrorAndNotANewAuthority(t *testing.T) {
	dir := t.TempDir()
	makePKI(t, dir)
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := EnsurePKI(dir, plane); err == nil {
		t.Error("all certificates that are out in the cluster would have become worthless, silently")
	}
}

func TestKeysCanBeReadByTheirOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	makePKI(t, dir)
	for path := range contents(t, dir) {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Ext(path) == ".key" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
}

func TestANewAddressOfTheControlPlaneRenewsTheServersCertificateUnderTheSameAuthority(t *testing.T) {
	dir := t.TempDir()
	before := makePKI(t, dir).Authority.PEM
	moved := plane
	moved.IPs = []netip.Addr{netip.MustParseAddr("172.30.7.10")}
	pki, err := EnsurePKI(dir, moved)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(pki.Authority.PEM)); diff != "" {
		t.Errorf("the authority changed:\n%s", diff)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "apiserver.crt"), filepath.Join(dir, "apiserver.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"172.30.7.10", "127.0.0.1", "10.96.0.1", "localhost", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"} {
		if err := pair.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

func TestACertificateThatSoonRunsOutIsNotGoodEnough(t *testing.T) {
	pki := makePKI(t, t.TempDir())
	key, err := ensureKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := pki.Authority.issue(Admin(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := encodeKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(encoded, secret)
	if err != nil {
		t.Fatal(err)
	}
	for left, wanted := range map[time.Duration]bool{renewBefore + time.Hour: true, renewBefore - time.Hour: false} {
		if got := pki.Authority.satisfies(pair.Leaf, Admin(), pair.Leaf.NotAfter.Add(-left)); got != wanted {
			t.Errorf("%v before its end: %t, want %t", left, got, wanted)
		}
	}
}

func TestBeingKnownToTheClusterOpensNoDoorToEtcd(t *testing.T) {
	dir := t.TempDir()
	pki := makePKI(t, dir)
	if err := pki.EnsureCertificate(filepath.Join(dir, "admin"), Admin()); err != nil {
		t.Fatal(err)
	}
	for client, wanted := range map[string]bool{"apiserver-etcd-client": true, "admin": false} {
		if err := shake(t, dir, "etcd/server", "etcd/ca.crt", client); (err == nil) != wanted {
			t.Errorf("etcd and a client that shows %s.crt: %v", client, err)
		}
	}
}

// shake lets a client and a server, each with its certificate from dir, shake hands. Both trust the authority.
func shake(t *testing.T, dir, server, authority, client string) error {
	t.Helper()
	load := func(name string) []tls.Certificate {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{pair}
	}
	encoded, err := os.ReadFile(filepath.Join(dir, authority))
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(encoded)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: load(server), ClientCAs: trusted, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{Certificates: load(client), RootCAs: trusted})
		if err == nil {
			defer conn.Close()
			_, _ = conn.Read(make([]byte, 1)) // until the server is done
		}
	}()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).Handshake()
}

func TestAKubeconfigCarriesOneIdentityAndIsKeptUntilItNoLongerFits(t *testing.T) {
	pki := makePKI(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "kubelet.kubeconfig")
	write := func(server string) string {
		if err := pki.EnsureKubeconfig(path, "kubelab", server, NodeClient("node-1")); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	first := write("https://172.30.0.10:6443")
	if write("https://172.30.0.10:6443") != first {
		t.Error("was written again without need")
	}
	if write("https://172.30.1.10:6443") == first {
		t.Error("still points to where the API server was")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{pair.Leaf.Subject.CommonName, pair.Leaf.Subject.Organization, config.Host}
	if diff := cmp.Diff([]any{"system:node:node-1", []string{"system:nodes"}, "https://172.30.1.10:6443"}, got); diff != "" {
		t.Error(diff)
	}
}
