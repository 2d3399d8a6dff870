package chapters

// Part is a part of the book.
type Part struct {
	Title    string
	Chapters []Entry
}

// Entry is a chapter in the contents.
type Entry struct {
	Number int    // two digits of its name; the chapters to begin with share 0
	Name   string // "03-pods": its file without .md, and its lab's folder
	Title  string
	View   string // the picture that goes with it on the lab site
}

// Contents lists the whole book in reading order, those chapters too that are yet to come: they have no file.
var Contents = []Part{
	{"To begin with", []Entry{
		{0, "00-dev-ops", "On dev-ops", "cluster"},
		{0, "00-first-objects", "First objects", "cluster"},
	}},
	{"One machine", []Entry{
		{1, "01-containers", "A container is a process", "container"},
		{2, "02-images", "Images", "container"},
		{3, "03-pods", "Pods: one pod, one IP", "pod"},
		{4, "04-init-containers", "Init containers and sidecars", "sequence"},
		{5, "05-probes", "Probes", "probes"},
		{6, "06-resources", "Resources: requests, limits, eviction", "container"},
		{7, "07-volumes", "Volumes, ConfigMaps, Secrets", "volumes"},
	}},
	{"The control plane", []Entry{
		{8, "08-api", "Objects, the store, the API", "store"},
		{9, "09-loop", "Why the loop", "loop"},
		{10, "10-scheduler", "The scheduler", "scheduler"},
	}},
	{"The network", []Entry{
		{12, "12-pod-network", "The pod network", "network"},
		{13, "13-services", "Services and DNS", "service"},
		{11, "11-kubelet", "The kubelet: a pod's creation, step by step", "creation"},
		{14, "14-ingress", "From outside: NodePort, LoadBalancer, Ingress", "service"},
		{15, "15-network-policy", "Network policy", "network"},
	}},
	{"Changes", []Entry{
		{16, "16-replicasets", "ReplicaSets: self-healing", "replicas"},
		{17, "17-deployments", "Deployments: roll-out and roll-back", "replicas"},
		{18, "18-autoscaling", "Autoscaling", "replicas"},
		{19, "19-statefulsets", "StatefulSets and storage", "replicas"},
		{20, "20-jobs", "DaemonSets, Jobs, CronJobs", "replicas"},
		{21, "21-operators", "Operators and custom resources", "loop"},
	}},
	{"Operations", []Entry{
		{22, "22-nodes", "Nodes: fail, cut, drain", "cluster"},
		{23, "23-availability", "A highly available control plane, backup and restore", "cluster"},
		{24, "24-access", "Who may do what: RBAC, security", "store"},
		{25, "25-mesh", "A service mesh", "service"},
		{26, "26-reliability", "Reliability: faults, SLOs, capacity", "cluster"},
	}},
}
