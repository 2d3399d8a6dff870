package podkind

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"kubelab/kube/api"
)

// declared reads a pod as a person writes it.
func declared(t *testing.T, spec string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &pod.Spec); err != nil {
		t.Fatal(err)
	}
	return pod
}

const oneContainer = `containers: [{name: main, image: nginx}]`

// created is what the server makes of a new pod, among the given other objects by resource and name.
func created(t *testing.T, spec string, others map[string]api.Object) (*corev1.Pod, error) {
	t.Helper()
	pod := declared(t, spec)
	Kinds[0].Default(pod)
	err := Kinds[0].Admit(pod, func(plural, _, name string) api.Object { return others[plural+"/"+name] })
	Kinds[0].Prepare(pod, nil)
	return pod, err
}

func TestANewPodIsPendingAndPutsUpWithFiveMinutesOfOutage(t *testing.T) {
	pod, err := created(t, oneContainer, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := corev1.PodStatus{Phase: "Pending", QOSClass: "BestEffort"}
	if diff := cmp.Diff(want, pod.Status); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	wanted := []corev1.Toleration{
		{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(300))},
		{Key: "node.kubernetes.io/unreachable", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: new(int64(300))},
	}
	if diff := cmp.Diff(wanted, pod.Spec.Tolerations); diff != "" {
		t.Errorf("tolerations (-want +got):\n%s", diff)
	}
	if pod.Spec.ServiceAccountName != "default" || *pod.Spec.Priority != 0 || !*pod.Spec.EnableServiceLinks {
		t.Errorf("spec %+v", pod.Spec)
	}
}

func TestAPodMaySayItselfHowLongItPutsUpWithAnOutage(t *testing.T) {
	pod, err := created(t, `{tolerations: [{operator: Exists, effect: NoExecute, tolerationSeconds: 5}], `+oneContainer+`}`, nil)
	if err != nil || len(pod.Spec.Tolerations) != 1 {
		t.Errorf("tolerations %v, %v", pod.Spec.Tolerations, err)
	}
}

func TestWhoLimitsAContainerAsksForAsMuch(t *testing.T) {
	pod, _ := created(t, `containers: [{name: main, image: nginx, resources: {limits: {cpu: 1, memory: 64Mi}, requests: {cpu: 100m}}}]`, nil)
	requests := pod.Spec.Containers[0].Resources.Requests
	if cpu, memory := requests.Cpu().String(), requests.Memory().String(); cpu != "100m" || memory != "64Mi" {
		t.Errorf("requests are cpu %s, memory %s", cpu, memory)
	}
}

func TestAPodThatNamesNoPullSecretsGetsThoseOfItsAccount(t *testing.T) {
	account := map[string]api.Object{"serviceaccounts/default": &corev1.ServiceAccount{ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}}}}
	for spec, want := range map[string]string{
		oneContainer: "registry",
		`{imagePullSecrets: [{name: mine}], ` + oneContainer + `}`: "mine",
	} {
		pod, err := created(t, spec, account)
		if err != nil || len(pod.Spec.ImagePullSecrets) != 1 || pod.Spec.ImagePullSecrets[0].Name != want {
			t.Errorf("%s has the pull secrets %v, %v; want %s", spec, pod.Spec.ImagePullSecrets, err, want)
		}
	}
}

func TestOnTheHostsNetworkAPortIsTheHosts(t *testing.T) {
	pod, _ := created(t, `{hostNetwork: true, containers: [{name: main, image: nginx, ports: [{containerPort: 80}]}]}`, nil)
	if got := pod.Spec.Containers[0].Ports[0].HostPort; got != 80 {
		t.Errorf("host port %d", got)
	}
}

func TestAPodCannotBeSomebodyWhoDoesNotExist(t *testing.T) {
	const spec = `{serviceAccountName: clerk, ` + oneContainer + `}`
	_, err := created(t, spec, nil)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `pods "web" is forbidden: error looking up service account shop/clerk: serviceaccount "clerk" not found`) {
		t.Errorf("got %v", err)
	}
	if _, err := created(t, spec, map[string]api.Object{"serviceaccounts/clerk": &corev1.ServiceAccount{}}); err != nil {
		t.Errorf("an account that exists: %v", err)
	}
}

func TestAPriorityComesFromItsClass(t *testing.T) {
	classes := map[string]api.Object{"priorityclasses.scheduling.k8s.io/urgent": &schedulingv1.PriorityClass{Value: 1000}}
	pod, err := created(t, `{priorityClassName: urgent, `+oneContainer+`}`, classes)
	if err != nil || *pod.Spec.Priority != 1000 || *pod.Spec.PreemptionPolicy != corev1.PreemptLowerPriority {
		t.Errorf("priority %v, %v", pod.Spec.Priority, err)
	}
	for spec, want := range map[string]string{
		`{priorityClassName: none, ` + oneContainer + `}`: "no PriorityClass with name none was found",
		`{priority: 7, ` + oneContainer + `}`:             "the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0",
	} {
		if _, err := created(t, spec, classes); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestQualityOfServiceFollowsFromRequestsAndLimits(t *testing.T) {
	for resources, want := range map[string]corev1.PodQOSClass{
		`{}`:                               corev1.PodQOSBestEffort,
		`{requests: {cpu: 1}}`:             corev1.PodQOSBurstable,
		`{limits: {cpu: 1}}`:               corev1.PodQOSBurstable,
		`{limits: {cpu: 1, memory: 64Mi}}`: corev1.PodQOSGuaranteed,
		`{limits: {cpu: 1, memory: 64Mi}, requests: {cpu: 500m}}`: corev1.PodQOSBurstable,
	} {
		pod, _ := created(t, `containers: [{name: main, image: nginx, resources: `+resources+`}]`, nil)
		if pod.Status.QOSClass != want {
			t.Errorf("%s is %s, want %s", resources, pod.Status.QOSClass, want)
		}
	}
}

// update changes a pod and says what the server has against it.
func update(t *testing.T, change func(*corev1.PodSpec)) []string {
	t.Helper()
	old, err := created(t, `{activeDeadlineSeconds: 60, terminationGracePeriodSeconds: 30, nodeName: n1, `+oneContainer+`}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	pod := old.DeepCopy()
	change(&pod.Spec)
	var messages []string
	for _, err := range Kinds[0].ValidateUpdate(pod, old) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		messages = append(messages, first)
	}
	return messages
}

func TestLittleOfAPodMayChange(t *testing.T) {
	for name, change := range map[string]func(*corev1.PodSpec){
		"its image":         func(s *corev1.PodSpec) { s.Containers[0].Image = "nginx:2" },
		"a nearer deadline": func(s *corev1.PodSpec) { s.ActiveDeadlineSeconds = new(int64(30)) },
		"one more toleration": func(s *corev1.PodSpec) {
			s.Tolerations = append(s.Tolerations, corev1.Toleration{Key: "gpu", Operator: "Exists"})
		},
		"how long it tolerates it": func(s *corev1.PodSpec) { s.Tolerations[0].TolerationSeconds = new(int64(5)) },
	} {
		if got := update(t, change); got != nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	const other = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
		"`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
		"`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
	for name, test := range map[string]struct {
		change func(*corev1.PodSpec)
		want   string
	}{
		"its command":       {func(s *corev1.PodSpec) { s.Containers[0].Command = []string{"sh"} }, other},
		"its node":          {func(s *corev1.PodSpec) { s.NodeName = "n2" }, other},
		"its grace":         {func(s *corev1.PodSpec) { s.TerminationGracePeriodSeconds = new(int64(1)) }, other},
		"a later deadline":  {func(s *corev1.PodSpec) { s.ActiveDeadlineSeconds = new(int64(90)) }, "spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value"},
		"a toleration less": {func(s *corev1.PodSpec) { s.Tolerations = nil }, "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"},
		"a container more": {func(s *corev1.PodSpec) { s.Containers = append(s.Containers, corev1.Container{Name: "b", Image: "b"}) },
			"spec.containers: Forbidden: pod updates may not add or remove containers"},
	} {
		if diff := cmp.Diff([]string{test.want}, update(t, test.change)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAPodGetsTheTimeToEndThatItAskedFor(t *testing.T) {
	bound := &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n1", TerminationGracePeriodSeconds: new(int64(45))}}
	unbound, done := bound.DeepCopy(), bound.DeepCopy()
	unbound.Spec.NodeName = ""
	done.Status.Phase = corev1.PodSucceeded
	for name, test := range map[string]struct {
		pod   *corev1.Pod
		asked *int64
		want  int64
	}{
		"its own":                          {bound, nil, 45},
		"what the deletion asks for":       {bound, new(int64(2)), 2},
		"none, by force":                   {bound, new(int64(0)), 0},
		"one second, if less than nothing": {bound, new(int64(-1)), 1},
		"none where nothing runs yet":      {unbound, nil, 0},
		"none where nothing runs any more": {done, nil, 0},
	} {
		if got := Kinds[0].GracePeriod(test.pod, test.asked); got != test.want {
			t.Errorf("%s: %d s, want %d s", name, got, test.want)
		}
	}
}

func waiting(reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
}

func ended(reason string, code, signal int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: reason, ExitCode: code, Signal: signal}}}
}

var up = corev1.ContainerStatus{Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}

func TestTheStatusColumnSaysWhatIsMostTelling(t *testing.T) {
	ready := []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	for want, status := range map[string]corev1.PodStatus{
		"Pending":           {Phase: corev1.PodPending},
		"ContainerCreating": {Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{waiting("ContainerCreating")}},
		"ErrImagePull":      {Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{waiting("ErrImagePull"), waiting("ContainerCreating")}},
		"Running":           {Phase: corev1.PodRunning, Conditions: ready, ContainerStatuses: []corev1.ContainerStatus{up, ended("Completed", 0, 0)}},
		"NotReady":          {Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{up, ended("Completed", 0, 0)}},
		"CrashLoopBackOff":  {Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{up, waiting("CrashLoopBackOff")}},
		"OOMKilled":         {Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{ended("OOMKilled", 137, 0)}},
		"Signal:9":          {Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{ended("", 137, 9)}},
		"ExitCode:3":        {Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{ended("", 3, 0)}},
		"Completed":         {Phase: corev1.PodSucceeded, ContainerStatuses: []corev1.ContainerStatus{ended("Completed", 0, 0)}},
		"Evicted":           {Phase: corev1.PodFailed, Reason: "Evicted"},
	} {
		if got := statusWord(&corev1.Pod{Status: status}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	leaving := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &metav1.Time{}}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	if got := statusWord(leaving); got != "Terminating" {
		t.Errorf("a deleted pod is %s", got)
	}
	leaving.Status.Phase = corev1.PodSucceeded
	if got := statusWord(leaving); got != "Succeeded" {
		t.Errorf("a deleted pod that is done is %s", got)
	}
}

func TestAPodThatIsNotInitializedShowsHowFarItIs(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	spec := corev1.PodSpec{Containers: make([]corev1.Container, 1), InitContainers: []corev1.Container{{Name: "a"}, {Name: "s", RestartPolicy: &always}, {Name: "b"}}}
	started := corev1.ContainerStatus{Name: "s", Ready: true, Started: new(true), RestartCount: 3, State: up.State}
	named := func(name string, c corev1.ContainerStatus) corev1.ContainerStatus {
		c.Name = name
		return c
	}
	did := named("a", ended("Completed", 0, 0))
	did.RestartCount = 5
	starting := named("s", corev1.ContainerStatus{State: up.State, Started: new(false)})
	initialized := []corev1.PodCondition{{Type: corev1.PodInitialized, Status: corev1.ConditionTrue}}
	for _, c := range []struct {
		what     string
		init     []corev1.ContainerStatus
		main     corev1.ContainerStatus
		is       []corev1.PodCondition
		want     string // of the column Status
		ready    string
		restarts string
	}{
		{"at the first", []corev1.ContainerStatus{waiting("PodInitializing"), waiting("PodInitializing"), waiting("PodInitializing")}, waiting("PodInitializing"), nil, "Init:0/3", "0/2", "0"},
		{"the first runs", []corev1.ContainerStatus{up, waiting("PodInitializing"), waiting("PodInitializing")}, waiting("PodInitializing"), nil, "Init:0/3", "0/2", "0"},
		{"the sidecar starts", []corev1.ContainerStatus{did, starting, waiting("PodInitializing")}, waiting("PodInitializing"), nil, "Init:1/3", "0/2", "5"},
		{"the second waits", []corev1.ContainerStatus{did, started, waiting("ErrImagePull")}, waiting("PodInitializing"), nil, "Init:ErrImagePull", "1/2", "8"},
		{"it has failed", []corev1.ContainerStatus{did, started, ended("Error", 1, 0)}, waiting("PodInitializing"), nil, "Init:Error", "1/2", "8"},
		{"by a signal", []corev1.ContainerStatus{did, started, ended("", 137, 9)}, waiting("PodInitializing"), nil, "Init:Signal:9", "1/2", "8"},
		{"it is through", []corev1.ContainerStatus{did, started, ended("Completed", 0, 0)}, waiting("PodInitializing"), initialized, "PodInitializing", "1/2", "3"},
		{"all runs", []corev1.ContainerStatus{did, started, ended("Completed", 0, 0)}, up, initialized, "Running", "2/2", "3"},
		{"the sidecar has crashed", []corev1.ContainerStatus{did, named("s", waiting("CrashLoopBackOff")), ended("Completed", 0, 0)}, up, initialized, "Init:CrashLoopBackOff", "1/2", "0"},
	} {
		pod := &corev1.Pod{Spec: spec, Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: c.is, InitContainerStatuses: c.init, ContainerStatuses: []corev1.ContainerStatus{c.main}}}
		got := [3]string{statusWord(pod), readyText(pod), restartsText(pod)}
		if diff := cmp.Diff([3]string{c.want, c.ready, c.restarts}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
}

func TestAPodWithSchedulingGatesSaysSoUntilTheyAreTakenAway(t *testing.T) {
	pod, err := created(t, `{schedulingGates: [{name: a}, {name: b}], `+oneContainer+`}`, nil)
	if err != nil || statusWord(pod) != "SchedulingGated" {
		t.Fatalf("its status is %s: %v", statusWord(pod), err)
	}
	fewer, more := pod.DeepCopy(), pod.DeepCopy()
	fewer.Spec.SchedulingGates = fewer.Spec.SchedulingGates[1:]
	if errs := validateUpdate(fewer, pod); len(errs) > 0 {
		t.Errorf("to take one away: %v", errs)
	}
	more.Spec.SchedulingGates = append(more.Spec.SchedulingGates, corev1.PodSchedulingGate{Name: "c"})
	want := "spec.schedulingGates: Forbidden: only deletion is allowed, but found new scheduling gate 'c'"
	if got := validateUpdate(more, pod).ToAggregate(); got == nil || got.Error() != want {
		t.Errorf("to add one: %v, want %s", got, want)
	}
}

func TestTheRowOfAPod(t *testing.T) {
	last := ended("Error", 1, 0).State
	last.Terminated.FinishedAt = metav1.NewTime(time.Now().Add(-5 * time.Minute))
	restarted := up
	restarted.RestartCount, restarted.LastTerminationState = 2, last
	pod := &corev1.Pod{
		Spec: corev1.PodSpec{NodeName: "n1", Containers: make([]corev1.Container, 2), ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "lb"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{restarted, {}},
			Conditions: []corev1.PodCondition{{Type: "lb", Status: corev1.ConditionTrue}}},
	}
	got := map[string]any{}
	for _, c := range Kinds[0].Columns {
		got[c.Name] = c.Value(pod)
	}
	want := map[string]any{
		"Ready": "1/2", "Status": "Running", "Restarts": "2 (5m ago)", "Age": "<unknown>",
		"IP": "<none>", "Node": "n1", "Nominated Node": "<none>", "Readiness Gates": "1/1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func TestManyTolerationsAreComparedInNoTime(t *testing.T) {
	pod := declared(t, oneContainer)
	for i := range 100_000 {
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: "key", Value: strconv.Itoa(i), TolerationSeconds: new(int64(i))})
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		if errs := validateTolerations(pod.Spec.Tolerations, pod.Spec.Tolerations, field.NewPath("spec")); len(errs) > 0 {
			t.Error(errs)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("each is compared with each")
	}
}
