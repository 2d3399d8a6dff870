package health

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// check is one thing that must be well. The path of a question about it alone ends in its name.
type check struct {
	name string
	try  func(ready bool) error
}

// What each question asks. A server lives as soon as it answers; it is ready, and healthy, when it has all objects.
var (
	ping    = check{"ping", func(bool) error { return nil }}
	objects = check{"etcd", func(ready bool) error {
		if !ready {
			return errors.New("the store is not read yet: is etcd up?")
		}
		return nil
	}}
	questions = map[string][]check{
		"livez":   {ping},
		"readyz":  {ping, objects},
		"healthz": {ping, objects},
	}
)

// Paths are where the questions are asked.
var Paths = []string{"/healthz", "/livez", "/readyz", MetricsPath}

// Serve answers /livez, /readyz and /healthz, what is below them (/readyz/ping), and with ?verbose at length, for a server that has all
// objects or has not. It returns false for other paths.
func Serve(w http.ResponseWriter, r *http.Request, ready bool) bool {
	question, one, alone := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	checks := questions[question]
	if alone {
		checks = slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return c.name != one })
	}
	if len(checks) == 0 {
		return false
	}
	var report bytes.Buffer
	well := true
	for _, check := range checks {
		if err := check.try(ready); err != nil {
			well = false
			fmt.Fprintf(&report, "[-]%s failed: %v\n", check.name, err)
		} else {
			fmt.Fprintf(&report, "[+]%s ok\n", check.name)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	switch {
	case !well:
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, "%s%s check failed\n", &report, question)
	case r.URL.Query().Has("verbose") && !alone:
		fmt.Fprintf(w, "%s%s check passed\n", &report, question)
	default:
		fmt.Fprint(w, "ok")
	}
	return true
}
