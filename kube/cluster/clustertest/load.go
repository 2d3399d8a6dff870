package clustertest

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Load is one client that asks a service again and again, one request after the other, each on a connection of its own.
type Load struct {
	cluster   *Cluster
	namespace string
	client    string
	ended     chan error

	mutex    sync.Mutex
	answers  map[string]int
	failures []string
}

// StartLoad lets the pod client, made of busybox, fetch url until [Load.Stop].
func (c *Cluster) StartLoad(namespace, client, url string) *Load {
	c.T.Helper()
	l := &Load{cluster: c, namespace: namespace, client: client, ended: make(chan error, 1), answers: map[string]int{}}
	script := fmt.Sprintf(`rm -f /stop; while [ ! -e /stop ]; do
		if answer=$(timeout 5 wget -qO- %s 2>&1); then echo "+ $answer"; else echo "- $(date +%%T) exit code $? $answer"; fi
	done`, url)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	command := c.Command(ctx, "kubectl", "exec", "-n", namespace, client, "--", "sh", "-c", script)
	out, err := command.StdoutPipe()
	if err != nil {
		c.T.Fatal(err)
	}
	if err := command.Start(); err != nil {
		c.T.Fatal(err)
	}
	go func() {
		defer cancel()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.count(lines.Text())
		}
		l.ended <- command.Wait()
	}()
	l.Wait(5)
	return l
}

func (l *Load) count(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if answer, ok := strings.CutPrefix(line, "+ "); ok {
		l.answers[answer]++
	} else {
		l.failures = append(l.failures, line)
	}
}

// Answers are how often each answer came so far, and what was said of each request that failed.
func (l *Load) Answers() (answers map[string]int, failures []string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	answers = map[string]int{}
	for answer, n := range l.answers {
		answers[answer] = n
	}
	return answers, append(failures, l.failures...)
}

// Wait waits until as many more requests were answered.
func (l *Load) Wait(more int) {
	l.cluster.T.Helper()
	start := l.total()
	l.cluster.Wait(time.Minute, fmt.Sprintf("%d more answers", more), func() bool { return l.total() >= start+more })
}

// WaitForEach waits until each of the pods, which answer with their names, has answered once more, and returns what failed until then. A pod
// without a readiness probe is ready, and an endpoint, as soon as its process runs: until its server listens, what it is asked is refused.
func (l *Load) WaitForEach(pods []string) (failures []string) {
	l.cluster.T.Helper()
	before, _ := l.Answers()
	l.cluster.Wait(time.Minute, fmt.Sprintf("an answer of each of %v", pods), func() bool {
		answers, _ := l.Answers()
		return !slices.ContainsFunc(pods, func(pod string) bool { return answers[pod] == before[pod] })
	})
	_, failures = l.Answers()
	return failures
}

// NotRefused are those of some failures that are no refused connections.
func NotRefused(failures []string) (others []string) {
	for _, failure := range failures {
		if !strings.Contains(failure, "Connection refused") {
			others = append(others, failure)
		}
	}
	return others
}

func (l *Load) total() (n int) {
	answers, _ := l.Answers()
	for _, count := range answers {
		n += count
	}
	return n
}

// Stop ends the load and tells what came of it.
func (l *Load) Stop() (answers map[string]int, failures []string) {
	l.cluster.T.Helper()
	l.cluster.Kubectl("exec", "-n", l.namespace, l.client, "--", "touch", "/stop")
	if err := <-l.ended; err != nil {
		l.cluster.T.Errorf("the client ended: %v", err)
	}
	return l.Answers()
}
