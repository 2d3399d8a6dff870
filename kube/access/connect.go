package access

import (
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// Connect makes a person's client, as kubectl does. It also returns the namespace of the kubeconfig's context.
func Connect(kubeconfig string) (*kubernetes.Clientset, string, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{})
	namespace, _, _ := config.Namespace() // what is wrong with the file, ClientConfig says
	restConfig, err := config.ClientConfig()
	if err != nil {
		return nil, "", err
	}
	client, err := kubernetes.NewForConfig(restConfig)
	return client, namespace, err
}
