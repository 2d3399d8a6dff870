package chapters_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kubelab/chapters"
)

// entries are the lines of the glossary: a term, what tells it from another of that name, and the chapter that explains it. A term in italics
// is an everyday word too.
var entries = regexp.MustCompile(`(?m)^- \*(\*?)([^*(]+?)(?: \([^)]*\))?\*\*? \(\[[^\]]+\]\((\d\d-[\w-]+)\.md\)\): [A-Z].*\.$`)

// code is what no reader reads as words: blocks, quoted symbols, code type, and where a link leads.
var code = regexp.MustCompile("(?ms)^ *```.*?^ *```|^ *\\[kube/[^\\]]*\\]\\([^)]*\\)$|``?[^`]*``?|\\]\\([^)]*\\)")

// whole finds a term as a whole word, also in the plural. A term with a small letter may begin a sentence.
func whole(term string) *regexp.Regexp {
	if words[term] != nil {
		return words[term]
	}
	pattern := regexp.QuoteMeta(term)
	if first := term[:1]; first == strings.ToLower(first) {
		pattern = "[" + first + strings.ToUpper(first) + "]" + regexp.QuoteMeta(term[1:])
	}
	words[term] = regexp.MustCompile(`\b` + strings.ReplaceAll(pattern, " ", `\s+`) + `s?\b`)
	return words[term]
}

var words = map[string]*regexp.Regexp{}

// TestATermIsExplainedBeforeItIsUsed holds the order of the book against the glossary. A chapter before the one that explains a term may
// use it if the paragraph, list or table in which it does so first names that chapter: "(chapter 17)", or its title if it has no number of its own.
func TestATermIsExplainedBeforeItIsUsed(t *testing.T) {
	text, err := os.ReadFile("glossary.md")
	if err != nil {
		t.Fatal(err)
	}
	all := entries.FindAllStringSubmatch(string(text), -1)
	if n := strings.Count(string(text), "\n- "); len(all) != n {
		t.Fatalf("%d of %d entries read as - **term** ([NN](NN-name.md)): Sentence.", len(all), n)
	}
	explained, everyday := map[string][]string{}, map[string]bool{} // the chapters of a term: it may have two meanings
	for _, entry := range all {
		explained[entry[2]] = append(explained[entry[2]], entry[3])
		everyday[entry[2]] = entry[1] == ""
	}
	seen := map[string]bool{} // terms of this chapter or an earlier one
	written(t, func(t *testing.T, entry chapters.Entry, markdown string) {
		prose := code.ReplaceAllString(markdown, "]")
		for term, in := range explained {
			word, prose := whole(term), without(prose, term, explained)
			if slices.Contains(in, entry.Name) {
				seen[term] = true
				if !word.MatchString(markdown) {
					t.Errorf("does not use %q, which the glossary says that it explains", term)
				}
			}
			if seen[term] || everyday[term] {
				continue
			}
			for paragraph := range strings.SplitSeq(prose, "\n\n") {
				if use := word.FindString(paragraph); use != "" {
					if !names(paragraph, in[0]) {
						t.Errorf("uses %q before %s, which explains it: say it in other words, or name that chapter beside it:\n%s", use, in[0], paragraph)
					}
					break
				}
			}
		}
	})
}

// without takes away the longer terms that a term is a part of, as "API" is of "API server".
func without(prose, term string, all map[string][]string) string {
	for other := range all {
		if other != term && whole(term).MatchString(other) {
			prose = whole(other).ReplaceAllString(prose, "…")
		}
	}
	return prose
}

// names says whether a text names a chapter, by its number or by its title.
func names(text, chapter string) bool {
	for _, part := range chapters.Contents {
		for _, entry := range part.Chapters {
			if entry.Name == chapter && strings.Contains(text, "*"+entry.Title+"*") {
				return true
			}
		}
	}
	return regexp.MustCompile(`\bchapters?\s[\d\s,]*(and\s+|to\s+)?` + chapter[:2] + `\b`).MatchString(text)
}
