package access

import (
	"io/fs"
	"os"
	"path/filepath"

	"kubelab/kube/atomicfile"
)

const (
	modePublic = 0o644
	modeSecret = 0o600
)

// writeFile replaces path, and makes its directory.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, content, mode)
}
