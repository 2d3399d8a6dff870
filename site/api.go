package site

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"kubelab/chapters"
	"kubelab/kube"
	"kubelab/kube/trace"
)

type bookPart struct {
	Title    string      `json:"title"`
	Chapters []bookEntry `json:"chapters"`
}

type bookEntry struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
	Title  string `json:"title"`
	Ready  bool   `json:"ready"` // it is written
	Lab    bool   `json:"lab"`
	View   string `json:"view"`
}

// book is the list of contents.
func (s *Server) book(w http.ResponseWriter, _ *http.Request) {
	var parts []bookPart
	for _, part := range chapters.Contents {
		shown := bookPart{Title: part.Title}
		for _, entry := range part.Chapters {
			shown.Chapters = append(shown.Chapters, bookEntry{entry.Name, entry.Number, entry.Title, chapters.Written(entry.Name), s.hasLab(entry.Name), entry.View})
		}
		parts = append(parts, shown)
	}
	answer(w, http.StatusOK, map[string]any{"parts": parts})
}

func (s *Server) hasLab(name string) bool { return s.Labs != nil && s.Labs.Has(name) }

// chapter is a chapter as a page, with its lab.
func (s *Server) chapter(w http.ResponseWriter, r *http.Request) {
	chapter, err := chapters.Open(r.PathValue("name"))
	if err != nil {
		fail(w, err)
		return
	}
	page := map[string]any{
		"name": chapter.Name, "number": chapter.Number, "title": chapter.Title, "html": chapter.HTML,
		"previous": chapter.Previous, "next": chapter.Next,
	}
	if s.hasLab(chapter.Name) {
		if page["lab"], err = s.Labs.Lab(r.Context(), chapter.Name); err != nil {
			fail(w, err)
			return
		}
	}
	answer(w, http.StatusOK, page)
}

// maxLines is how long the answer to "why" is, where steps that are alike are one line.
const maxLines = 100

// why tells why an object is as it is, or was at a frame.
func (s *Server) why(w http.ResponseWriter, r *http.Request) {
	object, ok := parseRef(r.FormValue("ref"))
	seq, err := strconv.ParseInt(cmp.Or(r.FormValue("seq"), "0"), 10, 64)
	if !ok || err != nil || seq < 0 {
		refuse(w, http.StatusBadRequest, "ask for ?ref=RESOURCE/NAMESPACE/NAME, as in pods/default/web-1, and for a frame with &seq=NUMBER")
		return
	}
	lines, left := trace.Now(s.Source.Steps(seq), object, maxLines)
	answer(w, http.StatusOK, map[string]any{"steps": slices.Concat(lines...), "left": left})
}

// parseRef reads what [trace.Ref.String] writes.
func parseRef(text string) (object trace.Ref, ok bool) {
	switch parts := strings.Split(text, "/"); len(parts) {
	case 2:
		object = trace.Ref{Resource: parts[0], Name: parts[1]}
	case 3:
		object = trace.Ref{Resource: parts[0], Namespace: parts[1], Name: parts[2]}
	}
	return object, object.Resource != "" && object.Name != ""
}

// source is a file of the house. It is read from the program: there is nothing else that a path could lead to.
func source(w http.ResponseWriter, r *http.Request) {
	name, inHouse := strings.CutPrefix(r.FormValue("file"), "kube/")
	text, err := kube.Source.ReadFile(name)
	if err != nil || !inHouse {
		refuse(w, http.StatusNotFound, "the house has no such file: ask for ?file=kube/ROOM/FILE.go")
		return
	}
	answer(w, http.StatusOK, map[string]string{"file": "kube/" + name, "text": string(text)})
}

// fail answers with what went wrong behind the site.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusBadGateway
	if errors.Is(err, ErrUnknown) || errors.Is(err, chapters.ErrUnknown) {
		status = http.StatusNotFound
	} else if errors.Is(err, ErrRefused) {
		status = http.StatusBadRequest
	}
	refuse(w, status, err.Error())
}

// read takes the JSON of a request.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && decoder.More() {
		err = errors.New("there is more behind it")
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "this is not the JSON that belongs here: "+err.Error())
		return false
	}
	return true
}
