//go:build unix

package access

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

const somebodys = `apiVersion: v1
kind: Config
clusters: [{name: work, cluster: {server: "https://work.example"}}]
users: [{name: ada, user: {token: t}}]
contexts: [{name: work, context: {cluster: work, user: ada}}]
current-context: work
`

// admins makes an admin.kubeconfig with the context "kubelab".
func admins(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "admin.kubeconfig")
	if err := makePKI(t, t.TempDir()).EnsureKubeconfig(path, "kubelab", "https://127.0.0.1:6443", Admin()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOurContextComesAndGoesAndTheOthersStay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(somebodys), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := AddContext(path, admins(t)); err != nil {
		t.Fatal(err)
	}
	with, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if with.CurrentContext != "kubelab" || with.Contexts["work"] == nil || with.AuthInfos["ada"].Token != "t" {
		t.Errorf("after adding: %+v", with)
	}
	if err := RemoveContext(path, "kubelab"); err != nil {
		t.Fatal(err)
	}
	after, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before.CurrentContext = "" // which one was current before ours is not remembered, as kind does not
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("something else changed (-before +after):\n%s", diff)
	}
}

func TestAKubeconfigThatHoldsOnlyOursGoesWithIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".kube", "config")
	if err := AddContext(path, admins(t)); err != nil {
		t.Fatal(err)
	}
	if err := RemoveContext(path, "kubelab"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestAnUnreadableKubeconfigIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := AddContext(path, admins(t)); err == nil {
		t.Error("no error")
	}
	if content, _ := os.ReadFile(path); string(content) != "{" {
		t.Errorf("was changed to %q", content)
	}
}

func TestThePersonAtWorkIsTheOneWhoCalledSudo(t *testing.T) {
	caller, err := user.Lookup("root")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/of/whom/sudo/became")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ kubeconfig, sudoUser, want string }{
		{"/a/config:/b/config", "root", "/a/config"},
		{"of-this-folder", "root", filepath.Join(here, "of-this-folder")},
		{"", "root", filepath.Join(caller.HomeDir, ".kube", "config")},
		{"", "", "/home/of/whom/sudo/became/.kube/config"},
	} {
		t.Setenv("KUBECONFIG", c.kubeconfig)
		t.Setenv("SUDO_USER", c.sudoUser)
		if got, err := UserKubeconfig(); err != nil || got != c.want {
			t.Errorf("KUBECONFIG=%q SUDO_USER=%q: %q, %v, want %q", c.kubeconfig, c.sudoUser, got, err, c.want)
		}
	}
}
