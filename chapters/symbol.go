package chapters

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"kubelab/kube"
)

// reference is what the text of a link to code looks like: "kube/probes: func (*Worker) Observe". "signature of func" leaves the body
// out, for a function that an exercise asks for.
var reference = regexp.MustCompile(`^(kube(?:/[a-z]+)+): (signature of )?(func|type|var|const) (?:\(\*?(\w+)\) )?(\w+)$`)

// Snippet is a piece of the house's source.
type Snippet struct {
	Symbol string // as the chapter names it
	File   string // "kube/replicasets/plan.go"
	Line   int    // of its first line, with its comment
	Text   string
}

// Find resolves a reference to a symbol in the file that the link leads to.
func Find(text, file string) (*Snippet, error) {
	parts := reference.FindStringSubmatch(text)
	if parts == nil {
		return nil, fmt.Errorf("%q names no symbol: write \"kube/PACKAGE: func NAME\", or type, var, const, or func (*TYPE) NAME, or signature of func NAME", text)
	}
	if path.Dir(file) != parts[1] {
		return nil, fmt.Errorf("%q does not lie in %s", file, parts[1])
	}
	source, err := kube.Source.ReadFile(strings.TrimPrefix(file, "kube/"))
	if err != nil {
		return nil, fmt.Errorf("%q is no file of the house", file)
	}
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, file, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, declaration := range syntax.Decls {
		if declares(declaration, parts[3], parts[4], parts[5]) {
			from, to := set.Position(start(declaration)), set.Position(end(declaration, parts[2] != ""))
			return &Snippet{Symbol: text, File: file, Line: from.Line, Text: strings.TrimSpace(string(source[from.Offset:to.Offset]))}, nil
		}
	}
	return nil, fmt.Errorf("%s has no %s %s", file, parts[3], strings.TrimSpace(parts[4]+" "+parts[5]))
}

// declares says whether a declaration is of the given kind ("func", "type", …) and has the name.
func declares(declaration ast.Decl, kind, receiver, name string) bool {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		return kind == "func" && d.Name.Name == name && receiverOf(d) == receiver
	case *ast.GenDecl:
		if d.Tok.String() != kind {
			return false
		}
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.Name == name {
					return true
				}
			case *ast.ValueSpec:
				for _, ident := range s.Names {
					if ident.Name == name {
						return true
					}
				}
			}
		}
	}
	return false
}

func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	expression := f.Recv.List[0].Type
	if star, ok := expression.(*ast.StarExpr); ok {
		expression = star.X
	}
	switch generic := expression.(type) {
	case *ast.IndexExpr:
		expression = generic.X
	case *ast.IndexListExpr:
		expression = generic.X
	}
	if ident, ok := expression.(*ast.Ident); ok {
		return ident.Name
	}
	return ""
}

// start is where a declaration begins, its comment included.
func start(declaration ast.Decl) token.Pos {
	var comment *ast.CommentGroup
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		comment = d.Doc
	case *ast.GenDecl:
		comment = d.Doc
	}
	if comment != nil {
		return comment.Pos()
	}
	return declaration.Pos()
}

// end is where a declaration ends: a function of which only the signature is shown, before its body.
func end(declaration ast.Decl, signature bool) token.Pos {
	if f, ok := declaration.(*ast.FuncDecl); ok && signature && f.Body != nil {
		return f.Body.Pos()
	}
	return declaration.End()
}

// exists says whether a path names a file of the house.
func exists(file string) bool {
	_, err := fs.Stat(kube.Source, strings.TrimPrefix(file, "kube/"))
	return err == nil
}
