package site

import (
	"context"
	"net/http"
)

// faults lists what can be broken.
func (s *Server) faults(w http.ResponseWriter, r *http.Request) {
	list(w, r, s.Faults, "faults", Faults.List)
}

// gates lists the loops of step mode.
func (s *Server) gates(w http.ResponseWriter, r *http.Request) {
	list(w, r, s.Gates, "gates", Gates.List)
}

// list answers with what there is: nothing where there is no such part.
func list[Part comparable, Item any](w http.ResponseWriter, r *http.Request, part Part, name string, all func(Part, context.Context) ([]Item, error)) {
	items := []Item{}
	if part != *new(Part) {
		found, err := all(part, r.Context())
		if err != nil {
			fail(w, err)
			return
		}
		items = append(items, found...)
	}
	answer(w, http.StatusOK, map[string]any{name: items})
}

const notInReplay = "a recording has none of this: it takes a cluster that lives"

// fault breaks something.
func (s *Server) fault(w http.ResponseWriter, r *http.Request) {
	var wanted struct{ Kind, Target string }
	if s.Faults == nil {
		refuse(w, http.StatusNotFound, notInReplay)
		return
	}
	if !read(w, r, &wanted) {
		return
	}
	command, err := s.Faults.Inject(r.Context(), wanted.Kind, wanted.Target)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, map[string]string{"command": command})
}

// gate holds a loop, or lets it go on.
func (s *Server) gate(w http.ResponseWriter, r *http.Request) {
	var wanted struct{ Loop, Action string }
	if s.Gates == nil {
		refuse(w, http.StatusNotFound, notInReplay)
		return
	}
	if !read(w, r, &wanted) {
		return
	}
	if err := s.Gates.Set(r.Context(), wanted.Loop, wanted.Action); err != nil {
		fail(w, err)
		return
	}
	s.gates(w, r)
}

// request asks a service from within a pod, and tells who answered.
func (s *Server) request(w http.ResponseWriter, r *http.Request) {
	var wanted Request
	if s.Requests == nil {
		refuse(w, http.StatusNotFound, notInReplay)
		return
	}
	if !read(w, r, &wanted) {
		return
	}
	reply, err := s.Requests.Send(r.Context(), wanted)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, reply)
}

// lab is a lab as the pages show it.
func (s *Server) lab(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if !s.hasLab(name) {
		refuse(w, http.StatusNotFound, "there is no lab "+name)
		return
	}
	shown, err := s.Labs.Lab(r.Context(), name)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, shown)
}

// changeLab begins a lab anew, or makes room for it, and answers with the lab as it is then.
func (s *Server) changeLab(change func(Labs, context.Context, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("name")
		if !s.hasLab(name) {
			refuse(w, http.StatusNotFound, "there is no lab "+name)
			return
		}
		if err := change(s.Labs, r.Context(), name); err != nil {
			fail(w, err)
			return
		}
		s.lab(w, r)
	}
}

// labWork is what a student does with a step or a challenge.
type labWork struct {
	Step    string   `json:"step"`
	Answers []string `json:"answers"` // to its questions
}

// workOnLab does something with a step or a challenge, and answers with the lab as it is then.
func (s *Server) workOnLab(do func(Labs, context.Context, string, labWork) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var work labWork
		if !read(w, r, &work) {
			return
		}
		s.changeLab(func(l Labs, ctx context.Context, name string) error { return do(l, ctx, name, work) })(w, r)
	}
}

// checkLab runs the checks of the step that is open, for as long as it is.
func (s *Server) checkLab(w http.ResponseWriter, r *http.Request) {
	name, step := r.FormValue("lab"), r.FormValue("step")
	if !s.hasLab(name) {
		refuse(w, http.StatusNotFound, "there is no lab "+name)
		return
	}
	s.converse(w, r, "lab", talk{speak: func(ctx context.Context, socket *socket) error {
		return s.Labs.Check(ctx, name, step, socket.tell)
	}})
}
