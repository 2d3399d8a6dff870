//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A listed is what the go command says of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// list asks the go command for all packages of the house and what they import.
func list(t *testing.T) map[string]listed {
	t.Helper()
	command := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,Imports", "kubelab/kube/...")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("list packages: %v", err)
	}
	packages := map[string]listed{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// metaPath is the package of the fields that all objects have.
const metaPath = "k8s.io/apimachinery/pkg/apis/meta/v1"

// users are the rooms whose code reads or writes each field of the API's types, by "k8s.io/api/core/v1.PodSpec.Volumes", those that
// import each package, and those that have each text in their code, by the text in quotes. Code that only validates does not count.
func users(t *testing.T) map[string][]string {
	t.Helper()
	packages, files := list(t), token.NewFileSet()
	exports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(packages[path].Export) })
	used := map[string][]string{}
	names := map[*types.Var]string{}
	for path, p := range packages {
		inside, ours := strings.CutPrefix(path, "kubelab/kube/")
		if !ours {
			continue
		}
		room, _, _ := strings.Cut(inside, "/")
		objects, texts := thingsUsed(t, files, exports, p)
		for object := range objects {
			for _, name := range namesOf(object, names) {
				used[name] = append(used[name], room)
			}
		}
		for text := range texts {
			used[text] = append(used[text], room)
		}
		for _, imported := range p.Imports {
			used[imported] = append(used[imported], room)
		}
	}
	return used
}

// namesOf is what a field of the API's types is called here. The accessors of metav1.Object stand for the fields of ObjectMeta.
func namesOf(object types.Object, known map[*types.Var]string) []string {
	if object.Pkg() == nil || !strings.HasPrefix(object.Pkg().Path(), "k8s.io/api") {
		return nil
	}
	if f, ok := object.(*types.Func); ok && object.Pkg().Path() == metaPath && f.Signature().Recv() != nil {
		return []string{metaPath + ".ObjectMeta." + strings.TrimPrefix(strings.TrimPrefix(f.Name(), "Get"), "Set")}
	}
	v, ok := object.(*types.Var)
	if !ok || !v.IsField() {
		return nil
	}
	if _, there := known[v]; !there {
		maps.Insert(known, fieldsOf(v.Pkg()))
	}
	return []string{known[v]}
}

// fieldsOf are the fields of all structs of a package, with their names.
func fieldsOf(pkg *types.Package) func(yield func(*types.Var, string) bool) {
	return func(yield func(*types.Var, string) bool) {
		for _, name := range pkg.Scope().Names() {
			s, ok := pkg.Scope().Lookup(name).Type().Underlying().(*types.Struct)
			if !ok {
				continue
			}
			for f := range s.Fields() {
				if !yield(f, pkg.Path()+"."+name+"."+f.Name()) {
					return
				}
			}
		}
	}
}

// thingsUsed are all things with a name that one package uses, and the texts in it, as the code has them.
func thingsUsed(t *testing.T, files *token.FileSet, exports types.Importer, p listed) (used map[types.Object]bool, texts map[string]bool) {
	t.Helper()
	var syntax []*ast.File
	for _, name := range p.GoFiles {
		if strings.Contains(name, "validation") || name == "notyet.go" {
			continue
		}
		file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		syntax = append(syntax, file)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	check := types.Config{Importer: exports, Error: func(error) {}} // what the files that are left out define is missing
	check.Check(p.ImportPath, files, syntax, &info)
	used, texts = map[types.Object]bool{}, map[string]bool{}
	for _, object := range info.Uses {
		used[object] = true
	}
	for _, file := range syntax {
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				texts[text.Value] = true
			}
			return true
		})
	}
	return used, texts
}
