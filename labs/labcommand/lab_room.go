//go:build linux

package labcommand

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"kubelab/kube/access"
	"kubelab/kube/cluster"
	"kubelab/kube/fsuser"
	"kubelab/labs"
	"kubelab/site/terminal"
)

// labRoom is what labs need: one cluster and no other, and a student's home.
type labRoom struct {
	name, dir string // dir is removed in the end
	env       []string
	config    *rest.Config
	progress  *labs.Progress
	home      string
	owner     fsuser.User
}

// openLabRoom prepares for labs in a cluster. Commands of labs see a kubeconfig with this cluster only: a lab that deletes the
// pod web shall not do so in whatever cluster the student looked at last.
func openLabRoom(name string) (*labRoom, error) {
	room := &labRoom{name: name, owner: fsuser.Self}
	if err := room.furnish(); err != nil {
		return nil, errors.Join(err, room.close())
	}
	return room, nil
}

func (r *labRoom) furnish() (err error) {
	if r.dir, err = os.MkdirTemp("", "kube-lab-"); err != nil {
		return err
	}
	kubeconfig := filepath.Join(r.dir, "kubeconfig")
	if err = writeOnlyContext(kubeconfig, cluster.Spec{Name: r.name}); err != nil {
		return err
	}
	if r.config, err = clientcmd.BuildConfigFromFlags("", kubeconfig); err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(r.config)
	if err != nil {
		return err
	}
	r.progress = &labs.Progress{Client: client}
	r.env = labs.Environment(r.dir, filepath.Dir(cluster.Program("kube")), kubeconfig, r.name)
	if err = labs.MakeTools(r.dir); err != nil {
		return err
	}
	student, err := terminal.FindPerson()
	if err == nil {
		r.home, r.owner = student.Home, student.Owner()
	}
	return err
}

// writeOnlyContext copies the context of a cluster from the person's kubeconfig.
func writeOnlyContext(to string, spec cluster.Spec) error {
	from, err := access.UserKubeconfig()
	if err != nil {
		return err
	}
	all, err := clientcmd.LoadFromFile(from)
	if err != nil {
		return fmt.Errorf("the cluster %s is not known here (kube up enters it): %w", spec.Name, err)
	}
	if all.Contexts[spec.Context()] == nil {
		return fmt.Errorf("the cluster %s is not known here: %s has no context %s (kube up enters it)", spec.Name, from, spec.Context())
	}
	all.CurrentContext = spec.Context()
	if err := api.MinifyConfig(all); err != nil {
		return err
	}
	if err := api.FlattenConfig(all); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*all, to)
}

// checker is for a lab whose files lie in the student's home.
func (r *labRoom) checker(lab *labs.Lab) (*labs.Checker, error) {
	err := lab.Unpack(r.home, r.owner, false)
	shell := &labs.Shell{Dir: filepath.Join(r.home, lab.Folder()), Env: r.env}
	return &labs.Checker{Lab: lab, Shell: shell, Progress: r.progress}, err
}

// inventory looks at the cluster, and as root at its processes too.
func (r *labRoom) inventory() (*labs.Inventory, error) {
	if os.Geteuid() != 0 {
		return labs.NewInventory(r.config, nil)
	}
	return labs.NewInventory(r.config, func() (down []string) {
		all, err := cluster.Components(r.name)
		if err != nil {
			return []string{err.Error()}
		}
		for _, component := range all {
			if !component.Alive() {
				down = append(down, component.String())
			}
		}
		return down
	})
}

func (r *labRoom) close() error { return os.RemoveAll(r.dir) }
