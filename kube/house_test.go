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
// up floor by floor never meets a word that has not been explained. A concept of its own, which is most rooms, needs no mention: it
// stands on the floor of concepts.
var levels = [][]string{
	{"trace", "api", "component", "hangup", "deadlines", "fsuser", "rules", "sysctls", "atomicfile", "broadcast", "mounts", "removal"},
	{"operator"},
	{concepts},
	{"runtime", "pods", "apiserver"},
	{"kubelet"},
	{"cluster"},
	{"cmd"},
}

// concepts stands for every room that is not named in levels.
const concepts = "a concept"

// exceptions are imports inside one floor, each with its reason.
var exceptions = map[string]string{
	"api sysctls":                        "what the kernel calls a parameter is the same for who validates it and who sets it",
	"dns services":                       "a name leads to the addresses that the service's plan knows",
	"replicationcontrollers replicasets": "a ReplicationController is a ReplicaSet in older words",
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
	floors := map[string]int{}
	for i, rooms := range levels {
		for _, room := range rooms {
			floors[room] = i
		}
	}
	level := func(room string) int {
		if floor, named := floors[room]; named {
			return floor
		}
		return floors[concepts]
	}
	for _, f := range files(t) {
		own := level(f.room)
		for _, imported := range f.imports {
			rest, ours := strings.CutPrefix(imported, "kubelab/kube/")
			if !ours {
				continue
			}
			other := strings.Split(rest, "/")[0]
			if other == f.room || level(other) < own || exceptions[f.room+" "+other] != "" {
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
		if !f.isPlan() {
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

// isPlan is whether a file holds pure decisions.
func (f file) isPlan() bool {
	name := filepath.Base(f.path)
	return name == "plan.go" || strings.HasPrefix(name, "plan_")
}

// living is what an input is that is no data: behind it is somebody who acts, or a time that passes. It is empty for data. types are those of
// the same package, and seen those that were looked at.
func living(input ast.Expr, types map[string]ast.Expr, seen map[string]bool) string {
	switch is := input.(type) {
	case *ast.FuncType:
		return "a function"
	case *ast.ChanType:
		return "a channel"
	case *ast.InterfaceType:
		if len(is.Methods.List) > 0 {
			return "an interface"
		}
	case *ast.SelectorExpr:
		if of := fmt.Sprint(is.X); of == "context" || of == "kubernetes" || of == "io" || of == "clock" {
			return "a " + of + "." + is.Sel.Name
		}
	case *ast.StarExpr:
		return living(is.X, types, seen)
	case *ast.Ellipsis:
		return living(is.Elt, types, seen)
	case *ast.ArrayType:
		return living(is.Elt, types, seen)
	case *ast.MapType:
		return living(is.Value, types, seen)
	case *ast.StructType:
		for _, field := range is.Fields.List {
			if found := living(field.Type, types, seen); found != "" {
				return found
			}
		}
	case *ast.Ident:
		if declared := types[is.Name]; declared != nil && !seen[is.Name] {
			seen[is.Name] = true
			return living(declared, types, seen)
		}
	}
	return ""
}

// asking are rooms whose plans look up by themselves what they need, each with its reason.
var asking = map[string]string{
	"access": "what a node has to do with a pod is asked only where a rule depends on it: every other request would pay for it; and a test listens to the decisions",
	"dns":    "which services a question is about follows from the rules by which it is answered",
}

func TestAPlansInputIsData(t *testing.T) {
	all := files(t)
	types := map[string]map[string]ast.Expr{}
	for _, f := range all {
		dir := filepath.Dir(f.path)
		if types[dir] == nil {
			types[dir] = map[string]ast.Expr{}
		}
		ast.Inspect(f.syntax, func(node ast.Node) bool {
			if spec, ok := node.(*ast.TypeSpec); ok {
				types[dir][spec.Name.Name] = spec.Type
			}
			return true
		})
	}
	for _, f := range all {
		for _, decl := range f.syntax.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || !f.isPlan() || !function.Name.IsExported() || asking[f.room] != "" {
				continue
			}
			inputs := slices.Clone(function.Type.Params.List)
			if function.Recv != nil {
				inputs = append(inputs, function.Recv.List...)
			}
			for _, input := range inputs {
				if found := living(input.Type, types[filepath.Dir(f.path)], map[string]bool{}); found != "" {
					t.Errorf("%s: %s is given %s: a plan's input is data, gathered before it is asked", f.path, function.Name.Name, found)
				}
			}
		}
	}
}

// root is the variable that an expression leads into: x of x.y[i].z.
func root(of ast.Expr) string {
	switch is := of.(type) {
	case *ast.Ident:
		return is.Name
	case *ast.SelectorExpr:
		return root(is.X)
	case *ast.IndexExpr:
		return root(is.X)
	case *ast.StarExpr:
		return root(is.X)
	case *ast.ParenExpr:
		return root(is.X)
	}
	return ""
}

// changed are the variables that a function assigns to, or into.
func changed(function *ast.FuncDecl) map[string]bool {
	found, own := map[string]bool{}, map[string]bool{}
	ast.Inspect(function, func(node ast.Node) bool {
		switch is := node.(type) {
		case *ast.AssignStmt:
			for _, to := range is.Lhs {
				if name, plain := to.(*ast.Ident); plain && is.Tok == token.DEFINE {
					own[name.Name] = true
				} else {
					found[root(to)] = true
				}
			}
		case *ast.IncDecStmt:
			found[root(is.X)] = true
		case *ast.CallExpr:
			if name, plain := is.Fun.(*ast.Ident); plain && (name.Name == "delete" || name.Name == "clear") {
				found[root(is.Args[0])] = true
			}
		case *ast.ValueSpec:
			for _, name := range is.Names {
				own[name.Name] = true
			}
		}
		return true
	})
	for name := range own {
		delete(found, name)
	}
	return found
}

// A plan may build what it returns step by step, in a type that nobody else sees. What has a name outside of the package could be kept, and would be
// another answer to the same question.
func TestAPlanKeepsNoState(t *testing.T) {
	for _, f := range files(t) {
		if !f.isPlan() {
			continue
		}
		kept := map[string]bool{}
		for _, decl := range f.syntax.Decls {
			if variables, ok := decl.(*ast.GenDecl); ok && variables.Tok == token.VAR {
				for _, spec := range variables.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						kept[name.Name] = true
					}
				}
			}
		}
		for _, decl := range f.syntax.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			for name := range changed(function) {
				if kept[name] {
					t.Errorf("%s: %s changes the package's %s: a plan says the same when it is asked the same", f.path, function.Name.Name, name)
				}
				if function.Recv == nil || len(function.Recv.List[0].Names) == 0 || function.Recv.List[0].Names[0].Name != name {
					continue
				}
				if of, pointer := function.Recv.List[0].Type.(*ast.StarExpr); pointer && ast.IsExported(root(of.X)) {
					t.Errorf("%s: %s changes its %s: a plan keeps no state. Return what it comes to, or move what is kept to a file that is no plan", f.path, function.Name.Name, root(of.X))
				}
			}
		}
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
