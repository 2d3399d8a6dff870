// Package kube_test keeps the house in order: who may import whom, and what a plan may not do.
package kube_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// levels are the floors of the house, lowest first. A room imports only rooms below it, so that a reader who goes
// up floor by floor never meets a word that has not been explained.
var levels = [][]string{
	{"trace", "api", "component", "hangup", "fsuser"},
	{"operator"},
	{"images", "containers", "podnet", "services", "dns", "store", "access", "scheduler",
		"replicasets", "deployments", "nodes", "garbage", "serviceaccounts"},
	{"runtime", "pods", "apiserver"},
	{"kubelet"},
	{"cluster"},
	{"cmd"},
}

// exceptions are imports inside one floor, each with its reason.
var exceptions = map[string]string{
	"dns services": "a name leads to the addresses that the service's plan knows",
}

// forbidden are imports from outside, each with its reason and the rooms that may have it all the same.
var forbidden = map[string]struct {
	reason string
	except []string
}{
	"k8s.io/kubernetes":                      {"it is not a library", nil},
	"k8s.io/apiserver":                       {"it is what kubelab teaches", nil},
	"github.com/opencontainers/runc":         {"libcontainer's Go API moves between releases: one room keeps up with it", []string{"containers"}},
	"go.etcd.io/etcd/client":                 {"components meet through the API server; only the store speaks to etcd", []string{"store", "cmd"}},
	"kubelab/kube/runtime":                   {"a kubelet speaks CRI, so that it can be pointed at another runtime", []string{"cmd", "runtime"}},
	"sigs.k8s.io/controller-runtime":         {"it is a frame around the loop that kubelab teaches", nil},
	"github.com/google/go-containerregistry": {"images and their registries are one room's concern", []string{"images", "runtime", "cmd"}},
}

// file is one Go file of the house that is not a test.
type file struct {
	path, room string
	syntax     *ast.File
	imports    []string
}

// files reads all rooms. Helper packages for tests (storetest, …) are left out as tests are.
func files(t *testing.T) []file {
	t.Helper()
	var found []file
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Dir(path) == "." || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(filepath.Dir(path), "test") {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		f := file{path: path, room: strings.Split(path, string(filepath.Separator))[0], syntax: syntax}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		found = append(found, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestARoomImportsOnlyRoomsBelowIt(t *testing.T) {
	level := map[string]int{}
	for i, rooms := range levels {
		for _, room := range rooms {
			level[room] = i
		}
	}
	for _, f := range files(t) {
		own, known := level[f.room]
		if !known {
			t.Errorf("%s: the room %s stands on no floor: give it one in house_test.go", f.path, f.room)
			continue
		}
		for _, imported := range f.imports {
			rest, ours := strings.CutPrefix(imported, "kubelab/kube/")
			if !ours {
				continue
			}
			other := strings.Split(rest, "/")[0]
			if other == f.room || level[other] < own || exceptions[f.room+" "+other] != "" {
				continue
			}
			t.Errorf("%s imports %s, which is not below it: a reader would need %s to understand %s and the other way round. "+
				"Move what both need to a lower floor, or let the roof (cmd/kube) bring them together.", f.path, other, other, f.room)
		}
	}
}

func TestWhatIsTaughtIsNotImported(t *testing.T) {
	for _, f := range files(t) {
		for _, imported := range f.imports {
			for path, rule := range forbidden {
				if (imported == path || strings.HasPrefix(imported, path+"/")) && !slices.Contains(rule.except, f.room) {
					t.Errorf("%s imports %s: %s", f.path, imported, rule.reason)
				}
			}
		}
	}
}

// impure are packages with which a plan could look at the world or change it.
var impure = []string{"os", "os/exec", "net", "net/http", "log", "log/slog", "sync", "context", "math/rand", "math/rand/v2", "syscall"}

func TestAPlanDoesNoIOAndHasNoClock(t *testing.T) {
	for _, f := range files(t) {
		if name := filepath.Base(f.path); name != "plan.go" && !strings.HasPrefix(name, "plan_") {
			continue
		}
		for _, imported := range f.imports {
			if slices.Contains(impure, imported) || strings.HasPrefix(imported, "k8s.io/client-go/kubernetes") || strings.HasPrefix(imported, "k8s.io/client-go/tools") {
				t.Errorf("%s imports %s: a plan is a pure function of what it is given, so that it can be tested, shown and replayed", f.path, imported)
			}
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			switch n := node.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: a plan only decides", f.path)
			case *ast.SelectorExpr:
				if called := fmt.Sprintf("%v.%s", n.X, n.Sel.Name); called == "time.Now" || called == "time.Since" || called == "time.Sleep" {
					t.Errorf("%s calls %s: a plan is given the time", f.path, called)
				}
			}
			return true
		})
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range files(t) {
		dir := filepath.Dir(f.path)
		documented[dir] = documented[dir] || f.syntax.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("kube/%s has no package comment: write doc.go: the problem, the idea, what is simplified", dir)
		}
	}
}
