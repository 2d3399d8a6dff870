package site

import (
	"context"
	"net/http"
)

// Handler is everything that the server answers, behind the guard.
func (s *Server) Handler() http.Handler {
	open := http.NewServeMux() // for everybody: nothing in it is about a cluster
	open.HandleFunc("GET /{$}", s.front)
	open.HandleFunc("POST /signin", s.signIn)
	open.Handle("/", s.pages)

	read := http.NewServeMux() // for whoever has a session
	read.HandleFunc("GET /api/book", s.book)
	read.HandleFunc("GET /api/chapters/{name}", s.chapter)
	read.HandleFunc("GET /api/labs/{name}", s.lab)
	read.HandleFunc("GET /api/why", s.why)
	read.HandleFunc("GET /api/source", source)
	read.HandleFunc("GET /api/faults", s.faults)
	read.HandleFunc("GET /api/gates", s.gates)
	read.HandleFunc("GET /ws/stream", s.stream)
	read.HandleFunc("/", notFound)

	change := map[string]http.HandlerFunc{ // for students
		"POST /api/labs/{name}/reset": s.changeLab(Labs.Reset),
		"POST /api/labs/{name}/tidy":  s.changeLab(Labs.Tidy),
		"POST /api/labs/{name}/predict": s.workOnLab(func(l Labs, ctx context.Context, name string, work labWork) error {
			return l.Predict(ctx, name, work.Step, work.Answers)
		}),
		"POST /api/labs/{name}/hint": s.workOnLab(func(l Labs, ctx context.Context, name string, work labWork) error {
			return l.Hint(ctx, name, work.Step)
		}),
		"POST /api/labs/{name}/begin": s.workOnLab(func(l Labs, ctx context.Context, name string, work labWork) error {
			return l.Begin(ctx, name, work.Step)
		}),
		"POST /api/fault":   s.fault,
		"POST /api/gates":   s.gate,
		"POST /api/request": s.request,
		"GET /ws/lab":       s.checkLab,
		"GET /ws/terminal":  s.terminal,
	}
	for pattern, handler := range change {
		read.Handle(pattern, onlyStudents(s.changes.once(handler)))
	}
	open.Handle("/api/", s.withSession(read))
	open.Handle("/ws/", s.withSession(read))
	return s.guard(open)
}

func notFound(w http.ResponseWriter, r *http.Request) {
	refuse(w, http.StatusNotFound, "there is no "+r.URL.Path+" here")
}
