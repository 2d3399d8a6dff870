package exercise

import (
	"fmt"
	"go/ast"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// yourTurn begins what a function says that nobody has written yet.
const yourTurn = "your turn: "

// Empty takes the bodies of the named functions out of a Go file, and the imports that are not needed any more. Each of
// these functions panics with its rule until somebody writes it.
func Empty(source []byte, functions []string) ([]byte, error) {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, "", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var cuts []cut
	for _, name := range functions {
		at := slices.IndexFunc(file.Decls, func(d ast.Decl) bool { return nameOf(d) == name })
		if at < 0 {
			return nil, fmt.Errorf("there is no function %s", name)
		}
		function := file.Decls[at].(*ast.FuncDecl)
		if rule(function) == "" {
			return nil, fmt.Errorf("the function %s has no comment that says its rule", name)
		}
		body := fmt.Sprintf("{\n\tpanic(%q)\n}", yourTurn+rule(function))
		cuts = append(cuts, cut{positions.Position(function.Body.Pos()).Offset, positions.Position(function.Body.End()).Offset, body})
	}
	emptied, err := format.Source(replace(source, cuts))
	if err != nil {
		return nil, err
	}
	return withoutUnusedImports(emptied)
}

// nameOf is how an exercise names a function; empty for other declarations.
func nameOf(declaration ast.Decl) string {
	function, ok := declaration.(*ast.FuncDecl)
	if !ok {
		return ""
	}
	if function.Recv == nil {
		return function.Name.Name
	}
	if _, pointer := function.Recv.List[0].Type.(*ast.StarExpr); pointer {
		return fmt.Sprintf("(*%s).%s", receiverOf(function), function.Name.Name)
	}
	return fmt.Sprintf("(%s).%s", receiverOf(function), function.Name.Name)
}

// receiverOf is the type that a method belongs to; empty: it is a function.
func receiverOf(function *ast.FuncDecl) (name string) {
	if function.Recv == nil {
		return ""
	}
	ast.Inspect(function.Recv.List[0].Type, func(node ast.Node) bool {
		if identifier, ok := node.(*ast.Ident); ok && name == "" {
			name = identifier.Name
		}
		return true
	})
	return name
}

// rule is the first sentence of what the function's comment says.
func rule(function *ast.FuncDecl) string {
	return new(doc.Package).Synopsis(function.Doc.Text())
}

// cut is a part of a text and what comes in its place.
type cut struct {
	from, to int // bytes
	by       string
}

func replace(text []byte, cuts []cut) []byte {
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	var replaced []byte
	at := 0
	for _, c := range cuts {
		replaced = append(append(replaced, text[at:c.from]...), c.by...)
		at = c.to
	}
	return append(replaced, text[at:]...)
}

func withoutUnusedImports(source []byte) ([]byte, error) {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if name, ok := selector.X.(*ast.Ident); ok {
				used[name.Name] = true
			}
		}
		return true
	})
	var cuts []cut
	for _, spec := range file.Imports {
		if !used[importName(spec)] {
			cuts = append(cuts, cut{positions.Position(spec.Pos()).Offset, positions.Position(spec.End()).Offset, ""})
		}
	}
	return format.Source(replace(source, cuts))
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// importName is the name by which a file uses a package: as it says, or the last part of the path.
func importName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	imported, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return "" // the parser lets none in
	}
	if last := path.Base(imported); !majorVersion.MatchString(last) || path.Dir(imported) == "." {
		return last
	}
	return path.Base(path.Dir(imported))
}
