// Command lister runs in a pod, as anybody would write it: every half second it lists the pods of its namespace, and says how many there
// are, or why it may not know, and by which token the API server knew it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func main() {
	config, err := rest.InClusterConfig()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	client := kubernetes.NewForConfigOrDie(config)
	for ctx := context.Background(); ; time.Sleep(500 * time.Millisecond) {
		me, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		token := me.Status.UserInfo.Extra["authentication.kubernetes.io/credential-id"]
		if pods, err := client.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); err != nil {
			fmt.Println(token, err)
		} else {
			fmt.Println(token, "sees", len(pods.Items))
		}
	}
}
