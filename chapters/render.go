package chapters

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// render turns Markdown into HTML, with code in the place of links to symbols.
func render(source []byte) (string, error) {
	resolver := &resolver{}
	markdown := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(resolver, 100))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(resolver, 100))),
	)
	var page bytes.Buffer
	if err := markdown.Convert(source, &page); err != nil {
		return "", err
	}
	if resolver.err != nil {
		return "", resolver.err
	}
	return page.String(), nil
}

// Render turns a lab's or a chapter's Markdown into HTML. Raw HTML in it is left out.
func Render(markdown string) (string, error) { return render([]byte(markdown)) }

// resolver replaces links to symbols by their code, and paths of the house by links to them.
type resolver struct{ err error }

// Transform implements goldmark's parser.ASTTransformer.
func (r *resolver) Transform(document *ast.Document, reader text.Reader, _ parser.Context) {
	var quotes []*ast.Paragraph
	var paths []*ast.CodeSpan
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := node.(type) {
		case *ast.Paragraph:
			if entering && onlyLink(n) != nil {
				quotes = append(quotes, n)
			}
		case *ast.CodeSpan:
			if entering && housePath.MatchString(textOf(n, reader.Source())) {
				paths = append(paths, n)
			}
		}
		return ast.WalkContinue, nil
	})
	for _, paragraph := range quotes {
		r.quote(paragraph, reader.Source())
	}
	for _, span := range paths {
		file := textOf(span, reader.Source())
		if !exists(file) {
			r.fail(fmt.Errorf("`%s` is no file of the house", file))
		}
		link := ast.NewLink()
		link.Destination = []byte("#source=" + file)
		span.Parent().ReplaceChild(span.Parent(), span, link)
		link.AppendChild(link, span)
	}
}

func (r *resolver) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// quote replaces a paragraph that is only a link to a symbol.
func (r *resolver) quote(paragraph *ast.Paragraph, source []byte) {
	link := onlyLink(paragraph)
	destination := string(link.Destination)
	if !strings.HasPrefix(destination, "../kube/") {
		return
	}
	snippet, err := Find(textOf(link, source), path.Clean("chapters/"+destination))
	if err != nil {
		r.fail(err)
		return
	}
	paragraph.Parent().ReplaceChild(paragraph.Parent(), paragraph, &quotation{snippet: snippet})
}

// onlyLink is the link that a paragraph consists of, nil if there is more in it.
func onlyLink(paragraph *ast.Paragraph) *ast.Link {
	if paragraph.ChildCount() != 1 {
		return nil
	}
	link, _ := paragraph.FirstChild().(*ast.Link)
	return link
}

// textOf is the plain text of a node.
func textOf(node ast.Node, source []byte) string {
	var all strings.Builder
	for child := node.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			all.Write(t.Segment.Value(source))
		} else {
			all.WriteString(textOf(child, source))
		}
	}
	return all.String()
}

var housePath = regexp.MustCompile(`^kube/[\w/]+\.go$`)

// quotation is a piece of source in a page.
type quotation struct {
	ast.BaseBlock
	snippet *Snippet
}

var kindQuotation = ast.NewNodeKind("Quotation")

// Kind implements ast.Node.
func (*quotation) Kind() ast.NodeKind { return kindQuotation }

// Dump implements ast.Node.
func (q *quotation) Dump(source []byte, level int) {
	ast.DumpHelper(q, source, level, map[string]string{"Symbol": q.snippet.Symbol}, nil)
}

// folds are the only raw HTML that a page takes over: what folds the answer to a question away.
var folds = []string{"<details><summary>Answer</summary>", "</details>"}

// RegisterFuncs implements goldmark's renderer.NodeRenderer.
func (r *resolver) RegisterFuncs(registerer renderer.NodeRendererFuncRegisterer) {
	registerer.Register(ast.KindHTMLBlock, func(w util.BufWriter, source []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if html := strings.TrimSpace(string(node.Lines().Value(source))); entering && slices.Contains(folds, html) {
			_, err := w.WriteString(html + "\n")
			return ast.WalkContinue, err
		}
		return ast.WalkContinue, nil
	})
	registerer.Register(kindQuotation, func(w util.BufWriter, _ []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		q := node.(*quotation).snippet
		_, err := fmt.Fprintf(w, "<figure class=\"source\"><figcaption><a href=\"#source=%[1]s:%[2]d\">%[3]s</a></figcaption>"+
			"<pre><code class=\"language-go\">%[4]s</code></pre></figure>\n",
			q.File, q.Line, util.EscapeHTML([]byte(q.Symbol)), util.EscapeHTML([]byte(q.Text)))
		return ast.WalkSkipChildren, err
	})
}
