package cri

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api/podspec"
)

const (
	configMap = "ConfigMap"
	secret    = "Secret"
)

// objectsOf is a namespace in which these objects are: "ConfigMap/settings" and so on.
func objectsOf(objects map[string]map[string]string) Sources {
	from := Sources{
		Data: map[podspec.Object]map[string]string{},
		IPs:  []string{"10.244.1.2"}, Node: Node{Name: "node-1", IP: "172.30.0.11", CPU: 2000, Memory: 4 << 30},
	}
	for name, data := range objects {
		kind, name, _ := strings.Cut(name, "/")
		from.Data[podspec.Object{Resource: map[string]string{configMap: podspec.ConfigMaps, secret: podspec.Secrets}[kind], Name: name}] = data
	}
	return from
}

// envOf is a container's environment, NAME=value a line, or the error.
func envOf(c corev1.Container, from Sources) string {
	pod := podOf(corev1.RestartPolicyAlways, "web")
	pod.Labels, pod.Annotations = map[string]string{"app": "web"}, map[string]string{"example.com/note": "hi"}
	pod.Spec.ServiceAccountName = "default"
	pod.Spec.Containers[0].Resources = c.Resources
	process, err := ProcessOf(pod, &c, from)
	if err != nil {
		return "error: " + err.Error()
	}
	var lines []string
	for _, v := range process.Env {
		lines = append(lines, v.Name+"="+v.Value)
	}
	return strings.Join(lines, "\n")
}

func key(kind, name, key string, optional bool) *corev1.EnvVarSource {
	local := corev1.LocalObjectReference{Name: name}
	if kind == secret {
		return &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: local, Key: key, Optional: &optional}}
	}
	return &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: local, Key: key, Optional: &optional}}
}

func all(kind, name, prefix string) corev1.EnvFromSource {
	local := corev1.LocalObjectReference{Name: name}
	if kind == secret {
		return corev1.EnvFromSource{Prefix: prefix, SecretRef: &corev1.SecretEnvSource{LocalObjectReference: local}}
	}
	return corev1.EnvFromSource{Prefix: prefix, ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: local}}
}

func TestEnvironmentIsDrawnFromConfigMapsAndSecretsAndTheLaterWins(t *testing.T) {
	from := objectsOf(map[string]map[string]string{
		"ConfigMap/settings": {"COLOR": "blue", "SIZE": "1"}, "Secret/login": {"SIZE": "2", "password": "x"},
	})
	check(t, "environment", envOf(corev1.Container{
		EnvFrom: []corev1.EnvFromSource{all(configMap, "settings", ""), all(secret, "login", "DB_"), all(configMap, "settings", "S_")},
		Env: []corev1.EnvVar{
			{Name: "COLOR", Value: "red"}, {Name: "PW", ValueFrom: key(secret, "login", "password", false)},
			{Name: "NONE", ValueFrom: key(configMap, "settings", "none", true)},
		},
	}, from), `COLOR=red
SIZE=1
DB_SIZE=2
DB_password=x
S_COLOR=blue
S_SIZE=1
PW=x`)
}

func TestWhatIsMissingIsNamedAsUpstreamNamesIt(t *testing.T) {
	from := objectsOf(map[string]map[string]string{"ConfigMap/settings": {}, "Secret/login": {}})
	for want, c := range map[string]corev1.Container{
		`configmap "nope" not found`:                     {EnvFrom: []corev1.EnvFromSource{all(configMap, "nope", "")}},
		`secret "nope" not found`:                        {Env: []corev1.EnvVar{{Name: "A", ValueFrom: key(secret, "nope", "k", false)}}},
		`couldn't find key k in ConfigMap shop/settings`: {Env: []corev1.EnvVar{{Name: "A", ValueFrom: key(configMap, "settings", "k", false)}}},
		`couldn't find key k in Secret shop/login`:       {Env: []corev1.EnvVar{{Name: "A", ValueFrom: key(secret, "login", "k", false)}}},
	} {
		check(t, "error", envOf(c, from), "error: "+want)
	}
}

func TestAContainerCanReadItsOwnPod(t *testing.T) {
	var c corev1.Container
	for i, path := range []string{
		"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels['app']", "metadata.annotations['example.com/note']", "metadata.labels['none']",
		"spec.nodeName", "spec.serviceAccountName", "status.podIP", "status.podIPs", "status.hostIP",
	} {
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("V%d", i), ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}})
	}
	check(t, "environment", envOf(c, objectsOf(nil)), `V0=web-1
V1=shop
V2=u1
V3=web
V4=hi
V5=
V6=node-1
V7=default
V8=10.244.1.2
V9=10.244.1.2
V10=172.30.0.11`)
}

func TestAContainerCanReadItsOwnLimits(t *testing.T) {
	ask := func(name, what, divisor string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: what, Divisor: resource.MustParse(divisor)}}}
	}
	c := corev1.Container{Env: []corev1.EnvVar{
		ask("CPUS", "limits.cpu", "1"), ask("MILLIS", "limits.cpu", "1m"), ask("MEMORY", "requests.memory", "1Mi"), ask("UNLIMITED", "limits.memory", "1Gi"),
	}}
	c.Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}
	c.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")}
	check(t, "rounded up, and all of the node where there is no limit", envOf(c, objectsOf(nil)), "CPUS=2\nMILLIS=1500\nMEMORY=64\nUNLIMITED=4")
}

func TestVariablesAreExpandedFromThoseBefore(t *testing.T) {
	c := corev1.Container{Env: []corev1.EnvVar{
		{Name: "HOST", Value: "db"}, {Name: "URL", Value: "http://$(HOST):$(PORT)/$$(HOST)$"}, {Name: "PORT", Value: "80"},
	}}
	check(t, "environment", envOf(c, objectsOf(nil)), "HOST=db\nURL=http://db:$(PORT)/$(HOST)$\nPORT=80")
	for text, want := range map[string]string{
		"$(HOST)": "db", "$HOST": "$HOST", "$(": "$(", "$(HOST": "$(HOST", "$()": "$()", ")$(": ")$(", "$$(HOST)": "$(HOST)", "$$$(HOST)": "$db", "$(HOST)$(HOST))": "dbdb)",
		"$($(HOST)": "$($(HOST)",
	} {
		c.Command, c.Args = []string{text}, []string{"x", text}
		process, err := ProcessOf(podOf(corev1.RestartPolicyAlways, "web"), &c, Sources{})
		if err != nil {
			t.Fatal(err)
		}
		check(t, text, fmt.Sprint(process.Command, process.Args), fmt.Sprintf("[%s] [x %s]", want, want))
	}
}

func TestWhatGrowsBeyondWhatTheKernelTakesIsRefusedBeforeItIsMade(t *testing.T) {
	doubled := []corev1.EnvVar{{Name: "A0", Value: strings.Repeat("x", 1000)}}
	for i := range 40 { // to a petabyte
		doubled = append(doubled, corev1.EnvVar{Name: fmt.Sprintf("A%d", i+1), Value: fmt.Sprintf("$(A%d)$(A%d)", i, i)})
	}
	again := doubled[:10:10]
	for range 1000 { // which replace each other, and cost no less
		again = append(again, corev1.EnvVar{Name: "B", Value: "$(A9)"})
	}
	var services []*corev1.Service
	for i := range 10_000 {
		services = append(services, serviceOf(fmt.Sprintf("web-%d", i), "10.96.0.1", corev1.ServicePort{Port: 80}))
	}
	large := map[string]string{"a": strings.Repeat("x", 1<<20), "b": strings.Repeat("x", 1<<20)}
	const environment = "error: the environment has more than 2097152 bytes"
	for what, test := range map[string]struct {
		c        corev1.Container
		services []*corev1.Service
		want     string
	}{
		"doubled":   {corev1.Container{Env: doubled}, nil, environment},
		"again":     {corev1.Container{Env: again}, nil, environment},
		"one value": {corev1.Container{Env: []corev1.EnvVar{doubled[0], {Name: "B", Value: strings.Repeat("$(A0)", 3000)}}}, nil, environment},
		"ConfigMap": {corev1.Container{EnvFrom: []corev1.EnvFromSource{all(configMap, "large", "")}}, nil, environment},
		"keys":      {corev1.Container{Env: []corev1.EnvVar{{Name: "A", ValueFrom: key(configMap, "large", "a", false)}, {Name: "B", ValueFrom: key(configMap, "large", "b", false)}}}, nil, environment},
		"services":  {corev1.Container{}, services, environment + " with the addresses of 10000 services: with enableServiceLinks: false it has none of them"},
		"command":   {corev1.Container{Env: doubled[:2], Command: []string{strings.Repeat("$(A1)", 2000)}}, nil, "error: the command and its arguments have more than 2097152 bytes"},
		"arguments": {corev1.Container{Env: doubled[:10], Command: []string{"$(A9)"}, Args: []string{"$(A9)", "$(A9)", "$(A9)", "$(A9)"}}, nil, "error: the command and its arguments have more than 2097152 bytes"},
	} {
		from := objectsOf(map[string]map[string]string{"ConfigMap/large": large})
		from.Services = test.services
		if got := envOf(test.c, from); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %.200s (%d bytes)", what, got, len(got))
		}
	}
}

func TestWhatTheKernelTakesIsMade(t *testing.T) {
	c := corev1.Container{Env: []corev1.EnvVar{{Name: "A", Value: strings.Repeat("x", 1<<20)}}, Args: []string{"$(A)"}}
	if got := envOf(c, objectsOf(nil)); len(got) != len("A=")+1<<20 {
		t.Errorf("%.200s (%d bytes)", got, len(got))
	}
}

func serviceOf(name, ip string, ports ...corev1.ServicePort) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{ClusterIP: ip, Ports: ports}}
}

func TestAProgramIsToldOfTheServicesOfItsNamespace(t *testing.T) {
	from := objectsOf(nil)
	from.Services = []*corev1.Service{
		serviceOf("web-shop", "10.96.0.7", corev1.ServicePort{Port: 80}, corev1.ServicePort{Name: "dns-udp", Port: 53, Protocol: corev1.ProtocolUDP}),
		serviceOf("headless", corev1.ClusterIPNone, corev1.ServicePort{Port: 80}),
		serviceOf("elsewhere", ""),
		serviceOf("db", "10.96.0.8", corev1.ServicePort{Port: 1}),
		serviceOf("db", "10.96.0.9", corev1.ServicePort{Port: 5432}),
	}
	c := corev1.Container{Env: []corev1.EnvVar{{Name: "DB_PORT", Value: "mine"}, {Name: "URL", Value: "http://$(WEB_SHOP_SERVICE_HOST)"}}}
	check(t, "environment", envOf(c, from), `DB_SERVICE_HOST=10.96.0.9
DB_SERVICE_PORT=5432
DB_PORT=mine
DB_PORT_5432_TCP=tcp://10.96.0.9:5432
DB_PORT_5432_TCP_PROTO=tcp
DB_PORT_5432_TCP_PORT=5432
DB_PORT_5432_TCP_ADDR=10.96.0.9
WEB_SHOP_SERVICE_HOST=10.96.0.7
WEB_SHOP_SERVICE_PORT=80
WEB_SHOP_SERVICE_PORT_DNS_UDP=53
WEB_SHOP_PORT=tcp://10.96.0.7:80
WEB_SHOP_PORT_80_TCP=tcp://10.96.0.7:80
WEB_SHOP_PORT_80_TCP_PROTO=tcp
WEB_SHOP_PORT_80_TCP_PORT=80
WEB_SHOP_PORT_80_TCP_ADDR=10.96.0.7
WEB_SHOP_PORT_53_UDP=udp://10.96.0.7:53
WEB_SHOP_PORT_53_UDP_PROTO=udp
WEB_SHOP_PORT_53_UDP_PORT=53
WEB_SHOP_PORT_53_UDP_ADDR=10.96.0.7
URL=http://10.96.0.7`)
}

func TestAProgramFindsTheAPIServer(t *testing.T) {
	from := objectsOf(nil)
	from.Services = []*corev1.Service{serviceOf("kubernetes", "10.96.0.1", corev1.ServicePort{Name: "https", Port: 443})}
	check(t, "environment", envOf(corev1.Container{}, from), `KUBERNETES_SERVICE_HOST=10.96.0.1
KUBERNETES_SERVICE_PORT=443
KUBERNETES_SERVICE_PORT_HTTPS=443
KUBERNETES_PORT=tcp://10.96.0.1:443
KUBERNETES_PORT_443_TCP=tcp://10.96.0.1:443
KUBERNETES_PORT_443_TCP_PROTO=tcp
KUBERNETES_PORT_443_TCP_PORT=443
KUBERNETES_PORT_443_TCP_ADDR=10.96.0.1`)
}
