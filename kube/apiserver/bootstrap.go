package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"kubelab/kube/access"
	"kubelab/kube/api"
)

// How often the objects that every cluster has are looked for: until they are there, and after that.
const (
	firstObjectsSoon  = 50 * time.Millisecond // etcd may come up later than the server
	firstObjectsAgain = time.Second           // less than a node may be silent: leases need their namespace
)

// bootstrap makes what every cluster has, then calls the server ready, and makes again what somebody deletes.
func (s *Server) bootstrap(ctx context.Context) {
	pause := firstObjectsSoon
	for {
		err := s.cache.Reach(ctx, 1)
		if err == nil {
			err = s.firstObjects(ctx)
		}
		if err == nil {
			s.ready.Store(true)
			pause = firstObjectsAgain
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Server) firstObjects(ctx context.Context) error {
	for _, name := range []string{"default", "kube-system", "kube-public", "kube-node-lease"} {
		if err := s.ensure(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			return err
		}
	}
	if err := s.ensure(ctx, s.kubernetesService()); err != nil {
		return err
	}
	return s.ensureEndpoints(ctx)
}

// ServiceName is the service under which pods reach the API server.
const ServiceName = "kubernetes"

func (s *Server) kubernetesService() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: ServiceName, Namespace: "default", Labels: map[string]string{"component": "apiserver", "provider": "kubernetes"}},
		Spec: corev1.ServiceSpec{
			ClusterIP: s.ServiceIP,
			Ports:     []corev1.ServicePort{{Name: "https", Port: 443, TargetPort: intstr.FromInt(s.Port), Protocol: corev1.ProtocolTCP}},
		},
	}
}

// kubernetesEndpoints says where this server is. Each server has a slice of its own.
func (s *Server) kubernetesEndpoints() *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: ServiceName + "-" + s.Host, Namespace: "default",
			Labels: map[string]string{discoveryv1.LabelServiceName: ServiceName},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr("https"), Port: ptr(int32(s.Port)), Protocol: ptr(corev1.ProtocolTCP)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{s.Address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr(true)}}},
	}
}

// ensureEndpoints keeps the slice as it is to be: an earlier server on this host may have had another address.
func (s *Server) ensureEndpoints(ctx context.Context) error {
	want := s.kubernetesEndpoints()
	if err := s.ensure(ctx, want.DeepCopy()); err != nil {
		return err
	}
	c, err := s.ownCall(ctx, want)
	if err != nil {
		return err
	}
	c.verb, c.name = "update", want.Name
	_, err = s.update(c, func(current api.Object) (api.Object, error) {
		slice := current.DeepCopyObject().(*discoveryv1.EndpointSlice)
		slice.Endpoints, slice.Ports = want.Endpoints, want.Ports
		return slice, nil
	})
	if err != nil {
		return fmt.Errorf("put right where %s is: %w", ServiceName, err)
	}
	return nil
}

// ensure creates an object if it is not there.
func (s *Server) ensure(ctx context.Context, object api.Object) error {
	c, err := s.ownCall(ctx, object)
	if err != nil {
		return err
	}
	if _, err := s.get(ctx, c.kind, object.GetNamespace(), object.GetName()); err == nil {
		return nil
	}
	if _, err = s.create(c, object); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create %s %s: %w", c.kind.Kind, object.GetName(), err)
	}
	return nil
}

// ownCall is a call that the server makes of itself.
func (s *Server) ownCall(ctx context.Context, object api.Object) (*call, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "kubelab/apiserver")
	for i := range s.Kinds {
		if reflect.TypeOf(s.Kinds[i].New()) == reflect.TypeOf(object) {
			return &call{r: request, user: user{name: access.APIServerUser, speaks: s.Policy.Components(access.APIServerUser, nil)}, kind: &s.Kinds[i], verb: "create", namespace: object.GetNamespace()}, nil
		}
	}
	return nil, fmt.Errorf("no kind for %T: the server was made without it", object)
}
