package apiserver

import (
	"net/http"
	"strconv"
	"unicode/utf8"
)

// How much is told of in warnings, in letters, as upstream: proxies and clients bound the headers that they take.
const (
	maxWarned      = 4 << 10 // in all
	maxWarnedShort = 256     // each, where that would be more
)

// warnings are what a client is told beside its answer, in headers that kubectl prints. What is tried again is said once.
type warnings struct {
	told    []string
	known   map[string]bool
	written int  // letters
	short   bool // there was too much: each is cut, and those beyond are left out
}

// add tells one more in the header, unless it is full.
func (w *warnings) add(header http.Header, text string) {
	if w.short && w.written >= maxWarned || w.known[text] {
		return
	}
	if w.known == nil {
		w.known = map[string]bool{}
	}
	w.known[text] = true
	w.told = append(w.told, text)
	w.write(header, text)
	if w.short || w.written <= maxWarned {
		return
	}
	header.Del("Warning")
	w.short, w.written = true, 0
	for _, text := range w.told {
		w.write(header, text)
	}
}

func (w *warnings) write(header http.Header, text string) {
	if w.short {
		text = firstLetters(text, maxWarnedShort)
	}
	w.written += utf8.RuneCountInString(text)
	header.Add("Warning", "299 - "+strconv.Quote(text))
}

// firstLetters is the beginning of a text, of so many letters at most.
func firstLetters(text string, most int) string {
	for i := range text {
		if most--; most < 0 {
			return text[:i]
		}
	}
	return text
}
