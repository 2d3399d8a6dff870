//go:build linux

package pods

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"kubelab/kube/operator"
	"kubelab/kube/pods/cri"
	"kubelab/kube/pods/observed"
	"kubelab/kube/pods/podstest"
	"kubelab/kube/trace"
)

// twin is a container runtime in memory, for tests in which hours pass. Its containers run for a second and fail. What
// a real runtime does is tested in package kubelet.
type twin struct {
	runtimeapi.RuntimeServiceClient
	runtimeapi.ImageServiceClient
	root  string
	lasts time.Duration // how long a container runs
	hears func(*runtimeapi.ContainerEventResponse)

	mu         sync.Mutex
	asked      []string // what the runtime was asked for that it has
	sandbox    *runtimeapi.PodSandboxConfig
	containers map[string]*runtimeapi.ContainerStatus
	starts     []time.Duration
	stopped    []string
	began      time.Time
}

func (r *twin) ListPodSandbox(context.Context, *runtimeapi.ListPodSandboxRequest, ...grpc.CallOption) (*runtimeapi.ListPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, "list sandboxes")
	answer := &runtimeapi.ListPodSandboxResponse{}
	if r.sandbox != nil {
		answer.Items = []*runtimeapi.PodSandbox{{Id: "s", Metadata: r.sandbox.Metadata, Labels: r.sandbox.Labels}}
	}
	return answer, nil
}

func (r *twin) PodSandboxStatus(context.Context, *runtimeapi.PodSandboxStatusRequest, ...grpc.CallOption) (*runtimeapi.PodSandboxStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, "sandbox status")
	return &runtimeapi.PodSandboxStatusResponse{Status: r.sandboxStatus()}, nil
}

func (r *twin) sandboxStatus() *runtimeapi.PodSandboxStatus {
	return &runtimeapi.PodSandboxStatus{Id: "s", Metadata: r.sandbox.Metadata, Labels: r.sandbox.Labels,
		Network: &runtimeapi.PodSandboxNetworkStatus{Ip: "10.244.1.2"}}
}

func (r *twin) RunPodSandbox(_ context.Context, request *runtimeapi.RunPodSandboxRequest, _ ...grpc.CallOption) (*runtimeapi.RunPodSandboxResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sandbox = request.Config
	return &runtimeapi.RunPodSandboxResponse{PodSandboxId: "s"}, nil
}

func (r *twin) ListContainers(context.Context, *runtimeapi.ListContainersRequest, ...grpc.CallOption) (*runtimeapi.ListContainersResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, "list containers")
	answer := &runtimeapi.ListContainersResponse{}
	for _, c := range r.containers {
		answer.Containers = append(answer.Containers, &runtimeapi.Container{Id: c.Id, PodSandboxId: "s", Labels: c.Labels, State: c.State})
	}
	return answer, nil
}

func (r *twin) ContainerStatus(_ context.Context, request *runtimeapi.ContainerStatusRequest, _ ...grpc.CallOption) (*runtimeapi.ContainerStatusResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, "container status")
	return &runtimeapi.ContainerStatusResponse{Status: proto.CloneOf(r.containers[request.ContainerId])}, nil
}

func (r *twin) CreateContainer(_ context.Context, request *runtimeapi.CreateContainerRequest, _ ...grpc.CallOption) (*runtimeapi.CreateContainerResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := fmt.Sprintf("web-%d", request.Config.Metadata.Attempt)
	r.containers[id] = &runtimeapi.ContainerStatus{
		Id: id, Metadata: request.Config.Metadata, Labels: request.Config.Labels, Annotations: request.Config.Annotations}
	return &runtimeapi.CreateContainerResponse{ContainerId: id}, nil
}

func (r *twin) StartContainer(_ context.Context, request *runtimeapi.StartContainerRequest, _ ...grpc.CallOption) (*runtimeapi.StartContainerResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.containers[request.ContainerId]
	c.State, c.StartedAt = runtimeapi.ContainerState_CONTAINER_RUNNING, time.Now().UnixNano()
	r.starts = append(r.starts, time.Since(r.began))
	time.AfterFunc(r.lasts, func() {
		r.mu.Lock()
		c.State, c.FinishedAt, c.ExitCode = runtimeapi.ContainerState_CONTAINER_EXITED, time.Now().UnixNano(), 1
		event := &runtimeapi.ContainerEventResponse{ContainerId: c.Id, ContainerEventType: runtimeapi.ContainerEventType_CONTAINER_STOPPED_EVENT,
			PodSandboxStatus: r.sandboxStatus(), ContainersStatuses: []*runtimeapi.ContainerStatus{proto.CloneOf(c)}}
		hears := r.hears
		r.mu.Unlock()
		hears(event)
	})
	return &runtimeapi.StartContainerResponse{}, nil
}

// StopContainer waits for a container that does not end.
func (r *twin) StopContainer(ctx context.Context, request *runtimeapi.StopContainerRequest, _ ...grpc.CallOption) (*runtimeapi.StopContainerResponse, error) {
	r.mu.Lock()
	r.stopped = append(r.stopped, request.ContainerId)
	r.mu.Unlock()
	<-ctx.Done()
	return nil, ctx.Err()
}

func (r *twin) RemoveContainer(_ context.Context, request *runtimeapi.RemoveContainerRequest, _ ...grpc.CallOption) (*runtimeapi.RemoveContainerResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.containers, request.ContainerId)
	return &runtimeapi.RemoveContainerResponse{}, nil
}

func (r *twin) ImageStatus(ctx context.Context, request *runtimeapi.ImageStatusRequest, _ ...grpc.CallOption) (*runtimeapi.ImageStatusResponse, error) {
	if request.Image.Image == slowImage {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &runtimeapi.ImageStatusResponse{Image: &runtimeapi.Image{Id: "sha256:web"}}, nil
}

// slowImage is an image of which the twin never says whether it has it.
const slowImage = "slow:1"

// run runs an operator until stop is called.
func (r *twin) run(t *testing.T, clients *fake.Clientset) (o *Operator, stop func()) {
	recorder, err := trace.NewRecorder("kubelet", "node-1", "")
	if err != nil {
		t.Fatal(err)
	}
	client := operator.NewClient(clients, recorder, "kubelet")
	o, err = New(cri.Node{Name: "node-1", Root: r.root}, client, client.Watches, client.Watches, &cri.Runtime{RuntimeServiceClient: r, Images: r})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.mu.Lock()
	r.hears = func(event *runtimeapi.ContainerEventResponse) {
		if err := o.Hear(ctx, event); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	r.mu.Unlock()
	if err := client.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	if err := o.Relist(ctx); err != nil {
		t.Fatal(err)
	}
	return o, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		client.Watches.Shutdown()
	}
}

func TestACrashingContainerIsRestartedEverMoreRarelyAlsoWhenTheKubeletDiesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web"), nodeOf("2", "4Gi"))
		r := &twin{root: t.TempDir(), lasts: time.Second, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
		_, stop := r.run(t, clients)
		time.Sleep(time.Minute) // fake time: it passes at once
		stop()
		time.Sleep(time.Second)
		_, stop = r.run(t, clients)
		time.Sleep(10 * time.Minute)
		stop()

		var starts []string
		for _, start := range r.starts {
			starts = append(starts, start.Round(time.Second).String())
		}
		// Each run lasts a second; then come pauses of 0, 10, 20, 40, 80, 160 and 300 seconds.
		want := []string{"0s", "1s", "12s", "33s", "1m14s", "2m35s", "5m16s", "10m17s"}
		if diff := cmp.Diff(want, starts); diff != "" {
			t.Errorf("starts (-want +got):\n%s", diff)
		}
		pod, err := clients.CoreV1().Pods("shop").Get(t.Context(), "web-1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		status := pod.Status.ContainerStatuses[0]
		check(t, "the API knows", fmt.Sprint(status.RestartCount, " ", word(status.State)), "7 waits: CrashLoopBackOff")
	})
}

func TestFilesOfPodsThatNobodyKnowsAreSweptAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &twin{root: t.TempDir(), lasts: time.Second, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
		for _, directory := range []string{"logs/shop_web-1_u1", "logs/shop_old_u0", "pods/u1", "pods/u0"} {
			if err := os.MkdirAll(filepath.Join(r.root, directory, "web"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		_, stop := r.run(t, fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web"), nodeOf("2", "4Gi")))
		stop()
		left, err := filepath.Glob(filepath.Join(r.root, "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{filepath.Join(r.root, "logs/shop_web-1_u1"), filepath.Join(r.root, "pods/u1")}, left); diff != "" {
			t.Error(diff)
		}
	})
}

func TestATurnOfAHealthyPodAsksTheRuntimeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &twin{root: t.TempDir(), lasts: time.Hour, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
		clients := fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web"), nodeOf("2", "4Gi"))
		o, stop := r.run(t, clients)
		defer stop()
		time.Sleep(time.Minute)
		pod, err := clients.CoreV1().Pods("shop").Get(t.Context(), "web-1", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, "the container", word(pod.Status.ContainerStatuses[0].State), "runs")
		r.mu.Lock()
		r.asked = nil
		r.mu.Unlock()
		if err := o.Relist(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.mu.Lock()
		if diff := cmp.Diff([]string{"list sandboxes", "list containers"}, r.asked); diff != "" {
			t.Errorf("a list of everything, in which there is no news, asks for (-want +got):\n%s", diff)
		}
		r.asked = nil
		r.mu.Unlock()
		for range 10 {
			o.loop.Add(operator.Key{Namespace: "shop", Name: "web-1"})
			synctest.Wait()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.asked) > 0 {
			t.Errorf("ten turns have asked for %v", r.asked)
		}
	})
}

func TestAnEventThatLeavesOutWhatItIsAboutCostsALook(t *testing.T) {
	look := []string{"list sandboxes", "list containers", "container status"}
	for _, test := range []struct {
		without  string
		leaveOut func(*runtimeapi.ContainerEventResponse)
		asked    []string
	}{
		{"nothing", func(*runtimeapi.ContainerEventResponse) {}, nil},
		{"the sandbox", func(event *runtimeapi.ContainerEventResponse) { event.PodSandboxStatus = nil }, nil},
		{"the container", func(event *runtimeapi.ContainerEventResponse) { event.ContainersStatuses = nil }, look},
		{"both", func(event *runtimeapi.ContainerEventResponse) {
			event.PodSandboxStatus, event.ContainersStatuses = nil, nil
		}, look},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &twin{root: t.TempDir(), lasts: time.Minute, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
			o, stop := r.run(t, fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web"), nodeOf("2", "4Gi")))
			defer stop()
			time.Sleep(time.Second)
			r.mu.Lock()
			hears := r.hears
			r.hears = func(event *runtimeapi.ContainerEventResponse) {
				test.leaveOut(event)
				r.mu.Lock()
				r.asked = nil
				r.mu.Unlock()
				hears(event)
				r.mu.Lock()
				defer r.mu.Unlock()
				if diff := cmp.Diff(test.asked, r.asked); diff != "" {
					t.Errorf("of an event without %s the runtime is asked for (-want +got):\n%s", test.without, diff)
				}
			}
			r.mu.Unlock()
			time.Sleep(time.Minute)
			records, _ := o.observed.Of(podstest.Pod.Key)
			all := records[podstest.Pod.UID].Containers
			check(t, "after an event without "+test.without, string(all[len(all)-1].State), "exited")
		})
	}
}

func TestAnEndIsLookedAtAlsoWhenAnEventOfSomethingElseTellsOfItFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &twin{root: t.TempDir(), lasts: time.Minute, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
		_, stop := r.run(t, fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web", "slow"), nodeOf("2", "4Gi")))
		defer stop()
		time.Sleep(time.Second)
		r.mu.Lock()
		hears := r.hears
		r.hears = func(stopped *runtimeapi.ContainerEventResponse) {
			other := proto.CloneOf(stopped)
			other.ContainerId, other.ContainerEventType = "s", runtimeapi.ContainerEventType_CONTAINER_STARTED_EVENT
			hears(other)
			hears(stopped)
		}
		r.mu.Unlock()
		time.Sleep(time.Minute)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.starts) != 2 {
			t.Errorf("while the pull for another container lasts, a container that ended after a minute was started at %v", r.starts)
		}
	})
}

func TestAnExitIsTheCauseOfWhatTurnsDoUntilTheStatusTellsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &twin{root: t.TempDir(), lasts: time.Hour, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
		o, stop := r.run(t, fake.NewClientset(nodeOf("2", "4Gi")))
		defer stop()
		pod := podOf(corev1.RestartPolicyAlways, "web")
		o.observed.Event(podstest.Pod, observed.Records{Sandboxes: []observed.Sandbox{{ID: "s0", Ready: true}}, Containers: []observed.Container{exited("web", 0, 0, 1, 0)}})
		causes := func() []trace.ID {
			records, _ := o.observed.Of(podstest.Pod.Key)
			return trace.Causes(o.noteExits(trace.WithCauses(t.Context()), pod, Current{Node: o.node, Containers: records[podstest.Pod.UID].Containers}))
		}
		first := causes()
		if len(first) != 1 {
			t.Fatalf("the first turn has the causes %v", first)
		}
		if diff := cmp.Diff(first, causes()); diff != "" {
			t.Errorf("the first turn could not write the status; the causes of the second (-want +got):\n%s", diff)
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ContainerID: o.node.Runtime + "://web-0"}}}}
		if after := causes(); len(after) > 0 {
			t.Errorf("the status tells of it, and the next turn has the causes %v", after)
		}
	})
}

func TestANameIsFreeForAnotherPodWhenItsWatchesAreReleased(t *testing.T) {
	o := &Operator{lives: map[operator.Key]map[types.UID]*life{}, objects: &objects{known: map[reference]*watched{}}}
	key := operator.Key{Namespace: "shop", Name: "web-1"}
	o.live(key, "u1")
	o.objects.mu.Lock() // the release waits
	forgotten := make(chan struct{})
	go func() { o.forget(key, "u1"); close(forgotten) }()
	for free := true; free; {
		if free = o.mu.TryLock(); free {
			free = o.lives[key] != nil
			if o.mu.Unlock(); !free {
				t.Error("another pod can have the name, and its watches would be released with those of the one before")
			}
		}
	}
	o.objects.mu.Unlock()
	<-forgotten
}

func TestPodsGoOnWhenTheRuntimeIsListedAgainWhoeverAskedForIt(t *testing.T) {
	for _, list := range []struct {
		by  string
		all func(*Operator, context.Context) error
	}{
		{"a list", (*Operator).Relist},
		{"an event of what is not known", func(o *Operator, ctx context.Context) error {
			return o.Hear(ctx, &runtimeapi.ContainerEventResponse{ContainerId: "unknown"})
		}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &twin{root: t.TempDir(), lasts: time.Hour, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{}}
			clients := fake.NewClientset(nodeOf("2", "4Gi"))
			o, stop := r.run(t, clients)
			defer stop()
			o.Lost()
			if _, err := clients.CoreV1().Pods("shop").Create(t.Context(), podOf(corev1.RestartPolicyAlways, "web"), metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute) // it is tried ever more rarely
			r.mu.Lock()
			early := len(r.starts)
			r.mu.Unlock()
			if early > 0 {
				t.Error("a container was started by a kubelet that does not know what the runtime has")
			}
			if err := list.all(o, t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.starts) != 1 {
				t.Errorf("a second after %s has told what the runtime has, containers were started at %v, want one", list.by, r.starts)
			}
		})
	}
}

// nodeOf is a node with room for three pods.
func nodeOf(cpu, memory string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: map[string]string{"zone": "a"}},
		Status: corev1.NodeStatus{Allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory), corev1.ResourcePods: resource.MustParse("3")}},
	}
}

func TestThatAPodCannotBeReportedOnDoesNotKeepTheFormerOneOfItsNameFromItsEnd(t *testing.T) {
	for range 10 { // which of the two comes first is left to chance
		synctest.Test(t, func(t *testing.T) {
			former := podOf(corev1.RestartPolicyAlways, "web")
			former.UID = "former"
			r := &twin{root: t.TempDir(), lasts: time.Hour, began: time.Now(), containers: map[string]*runtimeapi.ContainerStatus{"web-0": {
				Id: "web-0", State: runtimeapi.ContainerState_CONTAINER_RUNNING, Labels: cri.LabelsOf(former, "web"), Metadata: &runtimeapi.ContainerMetadata{Name: "web"},
			}}}
			r.sandbox = cri.SandboxConfig(former, 0, cri.Node{})
			clients := fake.NewClientset(podOf(corev1.RestartPolicyAlways, "web"), nodeOf("2", "4Gi"))
			clients.PrependReactor("*", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
				return action.GetSubresource() == "status", nil, errors.New("not now")
			})
			_, stop := r.run(t, clients)
			defer stop()
			synctest.Wait() // no time passes: there is one turn
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(r.stopped) == 0 {
				t.Error("the former pod still runs")
			}
		})
	}
}
