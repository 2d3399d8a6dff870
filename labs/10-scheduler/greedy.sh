# Makes pods that request more than half of a node's memory, and sleep: sh greedy.sh NUMBER...
node=$(kubectl get node node-1 -o jsonpath='{.status.allocatable.memory}')
half=$((${node%Ki} * 6 / 10))Ki
for number in "$@"; do
	kubectl apply -f - <<-END
		apiVersion: v1
		kind: Pod
		metadata: {name: greedy-$number, labels: {app: greedy, lab: scheduler}}
		spec:
		  terminationGracePeriodSeconds: 1
		  containers:
		    - name: main
		      image: busybox
		      command: [sleep, "1000000"]
		      resources: {requests: {memory: $half}}
	END
done
