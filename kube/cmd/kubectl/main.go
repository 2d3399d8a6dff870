// Command kubectl is upstream's own kubectl, built from its library: a machine without internet has the
// real one, and "works with kubectl" is judged by the very release that the API follows. Plugins for
// cloud providers' logins are left out.
//
// It is a program of its own because its 50 MB and their initialisation would slow every other start.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // prints what kubectl prints and exits
		os.Exit(1)
	}
}
