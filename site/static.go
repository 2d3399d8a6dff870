package site

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// pages are the built pages, kept as they are sent.
type pages struct {
	files fs.FS
	kept  sync.Map // of name to *page
}

// page is one file.
type page struct {
	content, zipped []byte // zipped: nil where that does not pay
	tag             string
}

// contentTypes are ours and not the machine's, which differ, and with which a script may not run.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".json": "application/json",
}

func newPages(files fs.FS) *pages { return &pages{files: files} }

// index is the one page; what it shows is a matter of its scripts.
func (p *pages) index(w http.ResponseWriter, r *http.Request) { p.serve(w, r, "index.html") }

// ServeHTTP serves what belongs to the page: scripts, styles, fonts. It is no secret, so that a page can load before its cookie is there.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, r.Method+" does nothing here")
		return
	}
	p.serve(w, r, strings.TrimPrefix(r.URL.Path, "/"))
}

func (p *pages) serve(w http.ResponseWriter, r *http.Request, name string) {
	page := p.page(name)
	if page == nil && name == "index.html" {
		refuse(w, http.StatusServiceUnavailable, "the pages are not built: say scripts/build")
		return
	}
	if page == nil {
		refuse(w, http.StatusNotFound, "there is no "+r.URL.Path+" here")
		return
	}
	header, content := w.Header(), page.content
	header.Set("Content-Type", cmp.Or(contentTypes[path.Ext(name)], "application/octet-stream"))
	header.Set("ETag", page.tag)
	header.Set("Vary", "Accept-Encoding")
	header.Set("Cache-Control", "no-cache") // ask each time whether it changed
	if strings.HasPrefix(name, "assets/") { // their names hold a hash of what is in them
		header.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	if page.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		header.Set("Content-Encoding", "gzip")
		content = page.zipped
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// page reads a file once; nil: there is none. A path that leads out of the pages is none: see [fs.ValidPath].
func (p *pages) page(name string) *page {
	if kept, ok := p.kept.Load(name); ok {
		return kept.(*page)
	}
	if p.files == nil {
		return nil
	}
	content, err := fs.ReadFile(p.files, name)
	if err != nil {
		return nil
	}
	sum := sha256.Sum256(content)
	made := &page{content: content, zipped: zip(content), tag: `W/"` + hex.EncodeToString(sum[:8]) + `"`}
	p.kept.Store(name, made)
	return made
}

// zip compresses what gets smaller by a tenth at least.
func zip(content []byte) []byte {
	var zipped bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression) // the level is a valid one
	_, _ = writer.Write(content)                                    // a buffer takes everything
	_ = writer.Close()
	if zipped.Len() > len(content)*9/10 {
		return nil
	}
	return zipped.Bytes()
}
