package labs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kubelab/kube/cluster/clustertest"
	"kubelab/labs"
)

func TestEveryLabDoesWhatItSaysAndCanFail(t *testing.T) {
	all, err := labs.Ours.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, lab := range all {
		t.Run(lab.Name, func(t *testing.T) {
			t.Parallel() // most of a lab's time is waiting
			c := clustertest.Start(t)
			began := time.Now()
			out, err := c.Command(t.Context(), "kube", "lab", "test", lab.Name, "--name", c.Name).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Attr("seconds", fmt.Sprintf("%.1f", time.Since(began).Seconds()))
		})
	}
}

func TestWhatIsDoneOfALabIsKeptInTheClusterAndAResetForgetsIt(t *testing.T) {
	c := clustertest.Start(t)
	t.Setenv("HOME", t.TempDir()) // where the lab's files go
	lab := func(arguments ...string) (string, error) {
		return c.Try("kube", append([]string{"lab", "--name", c.Name}, arguments...)...)
	}
	if out, err := lab("check", "03-pods", "two-containers"); err == nil || !strings.Contains(out, "There is no pod called web yet") {
		t.Errorf("the step is not done, and a hint says why: %v\n%s", err, out)
	}
	c.Kubectl("apply", "-f", "03-pods/web.yaml")
	c.Wait(time.Minute, "the check to pass", func() bool { _, err := lab("check", "03-pods", "two-containers"); return err == nil })
	var kept map[string]string
	if err := json.Unmarshal([]byte(c.Kubectl("get", "configmap", "progress", "-n", "kubelab", "-o", "jsonpath={.data}")), &kept); err != nil || !strings.Contains(kept["03-pods"], `"two-containers":"20`) {
		t.Errorf("kept: %v: %v", kept, err)
	}
	if out, err := lab("list"); err != nil || !strings.Contains(out, "1 of 8") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := lab("test", "08-api"); err == nil || !strings.Contains(out, "pods/default/web") || !strings.Contains(out, "kube lab tidy") {
		t.Errorf("a trial in a cluster that somebody uses: %v\n%s", err, out)
	}
	if out, err := lab("show", "09-loop"); err != nil || !strings.Contains(out, "left by 03-pods: sudo kube lab tidy") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := lab("tidy"); err != nil || !strings.Contains(out, "taken away what was left by 03-pods") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := lab("list"); err != nil || !strings.Contains(out, "1 of 8") {
		t.Errorf("what is done stays done: %v\n%s", err, out)
	}
	if pods := c.Kubectl("get", "pods", "-o", "name"); pods != "" {
		t.Errorf("tidying left %s", pods)
	}
	c.Kubectl("apply", "-f", "03-pods/web.yaml")
	if out, err := lab("reset", "03-pods"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := lab("list"); err != nil || !strings.Contains(out, "0 of 8") {
		t.Errorf("%v\n%s", err, out)
	}
	if pods := c.Kubectl("get", "pods", "-o", "name"); pods != "" {
		t.Errorf("the reset left %s", pods)
	}
}
