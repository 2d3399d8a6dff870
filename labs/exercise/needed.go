package exercise

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// unneeded are the files of the room that the plans and their tests can do without: its loop, and the tests that start a
// cluster. They import most of what there would be to compile and to link.
func (w Work) unneeded() ([]string, error) {
	paths, err := filepath.Glob(w.reference("*.go"))
	if err != nil {
		return nil, err
	}
	r := room{token.NewFileSet(), map[string]*ast.File{}, types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}}
	for _, path := range paths {
		file, err := w.parse(r.positions, filepath.Base(path))
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file.Name.Name, "_test") { // tests from outside are another package
			r.files[path] = file
		}
	}
	r.resolve()
	needed := map[string]bool{}
	for _, path := range paths {
		if r.files[path] != nil && strings.HasPrefix(filepath.Base(path), "plan") {
			r.need(path, needed)
		}
	}
	return slices.DeleteFunc(paths, func(path string) bool { return needed[path] }), nil
}

// room is the package of a concept.
type room struct {
	positions *token.FileSet
	files     map[string]*ast.File // by the paths of the reference
	info      types.Info
}

// resolve finds out what the names mean that the package itself declares. It knows nothing of what is imported, so it can
// complain of much; whether all is right is the compiler's to say.
func (r *room) resolve() {
	config := types.Config{Error: func(error) {}}
	_, _ = config.Check("", r.positions, slices.Collect(maps.Values(r.files)), &r.info)
}

// need adds a file, and all whose declarations it uses.
func (r *room) need(path string, needed map[string]bool) {
	if needed[path] {
		return
	}
	needed[path] = true
	ast.Inspect(r.files[path], func(node ast.Node) bool {
		name, ok := node.(*ast.Ident)
		if _, defines := r.info.Defs[name]; !ok || defines {
			return true
		}
		for other, file := range r.files {
			if object := r.info.Uses[name]; object != nil && within(file, object.Pos()) || object == nil && hasMethod(file, name.Name) {
				r.need(other, needed)
			}
		}
		return true
	})
}

func within(file *ast.File, at token.Pos) bool { return file.FileStart <= at && at < file.FileEnd }

// hasMethod is for names of which nobody knows the type: any method that is called so might be meant.
func hasMethod(file *ast.File, name string) bool {
	return slices.ContainsFunc(file.Decls, func(declaration ast.Decl) bool {
		function, ok := declaration.(*ast.FuncDecl)
		return ok && function.Recv != nil && function.Name.Name == name
	})
}

// parse reads a file of the room: the student's, where it is one of the exercise.
func (w Work) parse(positions *token.FileSet, name string) (*ast.File, error) {
	path, own := w.reference(name), false
	for _, file := range w.Files {
		if file.Name == name {
			path, own = w.own(name), true
		}
	}
	file, err := parser.ParseFile(positions, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("%s does not compile:\n%w", w.Concept, err)
	}
	for _, spec := range file.Imports {
		if own && spec.Path.Value == `"C"` {
			return nil, fmt.Errorf("%v: a plan needs no C", positions.Position(spec.Pos()))
		}
	}
	return file, nil
}
