//go:build linux

package cluster

import (
	"cmp"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

// Flags are those of every command about a cluster on this machine: its name, and where dataDir is not nil, its
// directory. A terminal may be set up for one cluster, by NameVariable.
func Flags(flags *pflag.FlagSet, name, dataDir *string) {
	flags.StringVar(name, "name", cmp.Or(os.Getenv(NameVariable), DefaultName), "the name of the cluster")
	if dataDir != nil {
		flags.StringVar(dataDir, "data-dir", "", "the directory of all that it keeps (default /var/lib/kubelab, or /var/lib/kubelab-NAME)")
	}
}

// Program is the path of a program that was installed with this one; of none, their directory.
func Program(name string) string {
	self, err := os.Executable()
	if err != nil {
		return name
	}
	return filepath.Join(filepath.Dir(self), name)
}
