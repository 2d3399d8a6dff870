package site

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"kubelab/kube/atomicfile"
)

// kept is the file of the sessions: who was in stays in when the site's process is another one. Nobody gets in with
// what it holds, which is no cookie but the digest of one; all the same it is its owner's alone.
type kept struct {
	Cookie   string        `json:"cookie"` // the name
	Sessions []keptSession `json:"sessions"`
}

type keptSession struct {
	Key   []byte    `json:"key"`
	Role  Role      `json:"role"`
	Until time.Time `json:"until"`
}

// save writes the file. A session that is not in it holds until the process ends. The caller holds mu.
func (s *sessions) save() {
	if s.file == "" {
		return
	}
	content := kept{Cookie: s.cookie}
	for _, session := range s.open {
		content.Sessions = append(content.Sessions, keptSession{session.key[:], session.role, session.until})
	}
	text, err := json.Marshal(content)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(s.file), 0o700)
	}
	if err == nil {
		err = atomicfile.Replace(s.file, text, 0o600)
	}
	if err != nil {
		slog.Error("cannot keep the sessions: all browsers need a new address when the site starts anew", "error", err)
	}
}

// load reads the file of an earlier process, as far as it makes sense.
func (s *sessions) load() {
	if s.file == "" {
		return
	}
	var content kept
	text, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(text, &content)
	}
	if err == nil && content.Cookie == "" {
		err = fmt.Errorf("%s names no cookie", s.file)
	}
	if err != nil {
		slog.Error("cannot read the sessions: all browsers need a new address", "error", err)
		return
	}
	s.cookie = content.Cookie
	for _, one := range content.Sessions[max(0, len(content.Sessions)-maxSessions):] {
		if len(one.Key) == len(digest{}) && (one.Role == Student || one.Role == Viewer) && time.Until(one.Until) <= sessionTerm {
			s.open = append(s.open, newSession(digest(one.Key), one.Role, one.Until)) // it may be over
		}
	}
}
