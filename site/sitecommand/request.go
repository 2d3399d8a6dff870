//go:build linux

package sitecommand

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/remotecommand"

	"kubelab/kube/cluster"
	"kubelab/kube/podnet"
	"kubelab/site"
)

// requests asks services from within pods, and reads from the kernel which endpoint it picked.
type requests struct {
	cluster string
	client  kubernetes.Interface
	config  *rest.Config
}

func newRequests(name, kubeconfig string, client kubernetes.Interface) (requests, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	return requests{name, client, config}, err
}

// requestTerm is how long one may take, in all; the client itself gives up after five seconds.
const requestTerm = 10 * time.Second

// ready says that the client is there and waits for a line, so that the time it took to get to it is not counted.
const ready = "ready\n"

// Send asks, as wget in the pod does.
func (r requests) Send(ctx context.Context, asked site.Request) (reply site.Reply, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTerm)
	defer cancel()
	pod, service, err := r.find(ctx, asked)
	if err != nil {
		return reply, err
	}
	url := "http://" + service.Name
	if pod.Namespace != service.Namespace {
		url += "." + service.Namespace
	}
	if asked.Service.Port != 80 {
		url += fmt.Sprintf(":%d", asked.Service.Port)
	}
	reply.Command = fmt.Sprintf("kubectl exec -n %s %s -- timeout 5 wget -qO- %s", pod.Namespace, pod.Name, url)
	from, to := address(pod.Status.PodIP, 0).Addr(), address(service.Spec.ClusterIP, uint16(asked.Service.Port))
	before := r.connections(pod.Spec.NodeName)
	if err := r.exec(ctx, pod, &reply, "sh", "-c", "echo ready; read -r _; exec timeout 5 wget -qO- $0", url); err != nil {
		return reply, err
	}
	reply.Endpoint = picked(before, r.connections(pod.Spec.NodeName), from, to)
	return reply, nil
}

// find looks both ends up.
func (r requests) find(ctx context.Context, asked site.Request) (*corev1.Pod, *corev1.Service, error) {
	pod, err := r.client.CoreV1().Pods(asked.From.Namespace).Get(ctx, asked.From.Pod, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, fmt.Errorf("from: pod %s/%s: %w: choose one that runs", asked.From.Namespace, asked.From.Pod, site.ErrUnknown)
	} else if err != nil {
		return nil, nil, err
	}
	service, err := r.client.CoreV1().Services(asked.Service.Namespace).Get(ctx, asked.Service.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil, fmt.Errorf("service: %s/%s: %w", asked.Service.Namespace, asked.Service.Name, site.ErrUnknown)
	} else if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == asked.Service.Port }) {
		return nil, nil, fmt.Errorf("service: port %d of %s: %w", asked.Service.Port, service.Name, site.ErrUnknown)
	}
	return pod, service, nil
}

// exec runs a command in the pod's first container. What the command itself says of a failure is part of the reply.
func (r requests) exec(ctx context.Context, pod *corev1.Pod, reply *site.Reply, command ...string) error {
	options := &corev1.PodExecOptions{Container: pod.Spec.Containers[0].Name, Command: command, Stdin: true, Stdout: true, Stderr: true}
	url := r.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec).URL()
	executor, err := remotecommand.NewWebSocketExecutor(r.config, http.MethodGet, url.String())
	if err != nil {
		return err
	}
	return ask(ctx, executor, pod, reply)
}

// ask runs the command. What it prints is the image's: of both its streams only the beginning is kept.
func ask(ctx context.Context, executor remotecommand.Executor, pod *corev1.Pod, reply *site.Reply) error {
	in, start := io.Pipe()
	defer in.Close()
	out, said := &timed{start: start}, &beginning{}
	err := executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Stderr: said})
	reply.Milliseconds = float64(time.Since(out.began).Microseconds()) / 1000
	if out.began.IsZero() {
		return fmt.Errorf("pod %s cannot ask: its image needs sh and wget: %w %s", pod.Name, err, strings.TrimSpace(said.kept.String()))
	}
	reply.Output, _ = strings.CutPrefix(out.kept.String(), ready)
	if err != nil {
		reply.Failure = strings.TrimSpace(said.kept.String() + " " + err.Error())
	}
	return nil
}

// maxOutput is how much of an answer a picture has room for, in bytes.
const maxOutput = 4 << 10

// beginning keeps the beginning of what a command prints. It has no more methods than Write: io.Copy would rather use a
// buffer's own ReadFrom.
type beginning struct{ kept bytes.Buffer }

func (b *beginning) Write(p []byte) (int, error) {
	b.kept.Write(p[:min(len(p), maxOutput-b.kept.Len())])
	return len(p), nil
}

// timed notes when it hears from a command first, and then lets it start.
type timed struct {
	beginning
	start *io.PipeWriter // closed: start
	began time.Time
}

func (t *timed) Write(p []byte) (int, error) {
	if t.began.IsZero() {
		t.began = time.Now()
		_ = t.start.Close() // never fails
	}
	return t.beginning.Write(p)
}

// connections are those that the kernel of a node keeps track of; none where that cannot be read.
func (r requests) connections(node string) (flows []*netlink.ConntrackFlow) {
	_, hosts, err := cluster.List(r.cluster)
	i := slices.IndexFunc(hosts, func(h cluster.Status) bool { return h.Name == node && h.Running })
	if err != nil || i < 0 {
		return nil
	}
	_ = podnet.Do(fmt.Sprintf("/proc/%d/ns/net", hosts[i].PID), func() error { // then nobody can tell who answered
		flows, err = netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
		return err
	})
	return flows
}

// picked is the endpoint that answers the one connection from a pod to a service that was not there before. Of
// several nobody can say which was ours: then it is empty.
func picked(before, after []*netlink.ConntrackFlow, from netip.Addr, to netip.AddrPort) string {
	known := map[uint16]bool{}
	ours := func(flow *netlink.ConntrackFlow) bool {
		return flow.Forward.Protocol == unix.IPPROTO_TCP && addressOf(flow.Forward.SrcIP, 0).Addr() == from && addressOf(flow.Forward.DstIP, flow.Forward.DstPort) == to
	}
	for _, flow := range before {
		if ours(flow) {
			known[flow.Forward.SrcPort] = true
		}
	}
	endpoint := ""
	for _, flow := range after {
		if !ours(flow) || known[flow.Forward.SrcPort] {
			continue
		}
		if endpoint != "" {
			return ""
		}
		endpoint = addressOf(flow.Reverse.SrcIP, flow.Reverse.SrcPort).String()
	}
	return endpoint
}

func address(text string, port uint16) netip.AddrPort {
	ip, _ := netip.ParseAddr(text) // one without an address is in no connection
	return netip.AddrPortFrom(ip, port)
}

func addressOf(ip net.IP, port uint16) netip.AddrPort {
	parsed, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(parsed.Unmap(), port)
}
