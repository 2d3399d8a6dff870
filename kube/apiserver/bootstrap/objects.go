package bootstrap

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubelab/kube/api"
)

// ServiceName is the service under which pods reach the API server.
const ServiceName = "kubernetes"

// Server is where an API server can be reached.
type Server struct {
	Host      string // the name of the machine that it runs on
	Address   string // at which other hosts reach it
	Port      int
	ServiceIP string // of the service
}

// Objects are what every cluster has: once those that are left alone when they are there, kept those that stay as they are here, because
// an earlier server on this host may have had another address.
func Objects(server Server) (once, kept []api.Object) {
	for _, name := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
		once = append(once, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return append(once, service(server)), []api.Object{endpoints(server)}
}

func service(server Server) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: ServiceName, Namespace: "default", Labels: map[string]string{"component": "apiserver", "provider": "kubernetes"}},
		Spec: corev1.ServiceSpec{
			ClusterIP: server.ServiceIP,
			Ports:     []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt(server.Port), Protocol: corev1.ProtocolTCP}},
		},
	}
}

// endpoints says where the server is. Each server has a slice of its own.
func endpoints(server Server) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: ServiceName + "-" + server.Host, Namespace: "default",
			Labels: map[string]string{discoveryv1.LabelServiceName: ServiceName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("https"), Port: new(int32(server.Port)), Protocol: new(corev1.ProtocolTCP)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{server.Address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
}
