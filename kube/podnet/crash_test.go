//go:build linux

package podnet

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"
)

// configOfChild is set in the environment of the process that TestAKillAtAnyInstantLeaksNothing kills.
const configOfChild = "KUBELAB_TEST_PODNET"

func TestMain(m *testing.M) {
	if config := os.Getenv(configOfChild); config != "" {
		attachForever(config)
	}
	os.Exit(m.Run())
}

// attachForever attaches and detaches pods until it is killed.
func attachForever(config string) {
	var cfg Config
	err := json.Unmarshal([]byte(config), &cfg)
	network, err2 := Open(cfg)
	if err != nil || err2 != nil {
		panic(fmt.Sprint(err, err2))
	}
	fmt.Println("open")
	for i := 0; ; i++ {
		go network.Detach(context.Background(), fmt.Sprintf("%d-%d", os.Getpid(), i-3))
		if _, err := network.Attach(context.Background(), fmt.Sprintf("%d-%d", os.Getpid(), i)); err != nil {
			panic(err)
		}
	}
}

func TestAKillAtAnyInstantLeaksNothing(t *testing.T) {
	node := newLab(t, 1).nodes[0]
	kept := node.attach(t, "kept")
	node.cfg.Pods = map[string]netip.Addr{"kept": {}}
	config, err := json.Marshal(node.cfg)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 15 {
		runAndKill(t, node, string(config), time.Duration(random.Int64N(int64(30*time.Millisecond))))
		node.open(t, "kept")

		if pods := node.net.List(); len(pods) != 1 || pods[0] != kept {
			t.Fatalf("seed %d, round %d: pods after the repair: %v", seed, round, pods)
		}
		existing, err := node.net.existing()
		if err != nil || len(existing.NetNS) != 1 || len(existing.Ports) != 1 {
			t.Fatalf("seed %d, round %d: left after the repair: %v, %v", seed, round, existing, err)
		}
	}
	if _, err := seenAs(node.ns, kept.IP); err != nil {
		t.Errorf("seed %d: the pod that stayed does not answer: %v", seed, err)
	}
}

// runAndKill starts attachForever in the node's namespace, and kills it after a while.
func runAndKill(t *testing.T, node *labNode, config string, after time.Duration) {
	t.Helper()
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), configOfChild+"="+config)
	child.Stderr = os.Stderr
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in(t, node.ns, child.Start)
	if _, err := output.Read(make([]byte, 1)); err != nil { // it has opened the network
		t.Error(err)
	}
	<-time.After(after)
	child.Process.Kill()
	child.Wait()
}
