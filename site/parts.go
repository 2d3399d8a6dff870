package site

import (
	"context"
	"errors"
	"io"

	"kubelab/kube/trace"
)

// Terminal opens shells on the machine of the cluster.
type Terminal interface {
	User() string // whose shells they are
	Open(cols, rows uint16) (Shell, error)
}

// Shell is a shell on a terminal. Read gives what it prints until it ends; Close ends it with all that it started.
type Shell interface {
	io.ReadWriteCloser
	Resize(cols, rows uint16) error
	Wait() (exitCode int) // to be called after Read has ended
}

// Target is something that a fault can befall, and the same as a command.
type Target struct {
	Target  string `json:"target"`
	Command string `json:"command"`
}

// Fault is a kind of fault.
type Fault struct {
	Kind    string   `json:"kind"`
	Title   string   `json:"title"`
	Heavy   bool     `json:"heavy,omitempty"` // it takes down more than one thing
	Targets []Target `json:"targets"`
}

// Faults break the cluster on purpose.
type Faults interface {
	List(ctx context.Context) ([]Fault, error)
	Inject(ctx context.Context, kind, target string) (command string, err error)
}

// Gate is a loop in step mode.
type Gate struct {
	Loop    string      `json:"loop"`
	Held    bool        `json:"held"`
	Waiting []trace.Ref `json:"waiting"`
}

// Gates are step mode: a loop can be held, and goes on one turn at a time. Actions are "hold", "next" and "release".
type Gates interface {
	List(ctx context.Context) ([]Gate, error)
	Set(ctx context.Context, loop, action string) error
}

// Request asks a service from within a pod.
type Request struct {
	From struct {
		Namespace string `json:"namespace"`
		Pod       string `json:"pod"`
	} `json:"from"`
	Service struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
		Port      int32  `json:"port"`
	} `json:"service"`
}

// Reply is what came of a request.
type Reply struct {
	Command      string  `json:"command"` // that does the same
	Output       string  `json:"output"`
	Failure      string  `json:"failure,omitempty"`  // why there was no answer, as the client says
	Endpoint     string  `json:"endpoint,omitempty"` // address and port that the kernel picked; empty: it is not known
	Milliseconds float64 `json:"milliseconds"`       // from when the client began until it had the answer
}

// Requests sends requests within the cluster.
type Requests interface {
	Send(ctx context.Context, request Request) (Reply, error)
}

// Labs are the guided labs.
type Labs interface {
	Has(name string) bool
	// Lab is what the pages show of a lab, with what is done of it.
	Lab(ctx context.Context, name string) (any, error)
	// Check runs the checks of a step again and again, and says what they saw, until ctx is done.
	Check(ctx context.Context, name, step string, saw func(verdict any) error) error
	// Predict keeps the answers to the questions of a step, Hint opens one more hint of a step or a challenge, and Begin makes the
	// fault of a challenge.
	Predict(ctx context.Context, name, step string, answers []string) error
	Hint(ctx context.Context, name, id string) error
	Begin(ctx context.Context, name, challenge string) error
	Reset(ctx context.Context, name string) error
	// Tidy takes away what all other labs have left in the cluster.
	Tidy(ctx context.Context, name string) error
}

// ErrUnknown is the error for what is not in the list: of labs, steps, loops, kinds of faults or their targets.
var ErrUnknown = errors.New("there is none")

// ErrRefused is the error for what a part does not take.
var ErrRefused = errors.New("refused")
