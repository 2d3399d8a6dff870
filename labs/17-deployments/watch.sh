# Watches a roll-out to its end, and keeps in the ConfigMap "seen" how many pods there were at most and how many served at least.
most=0 least=99
while :; do
	read -r all serve updated <<<"$(kubectl get deployment shop -o jsonpath='{.status.replicas} {.status.availableReplicas} {.status.updatedReplicas}')"
	if [ "$all" -gt "$most" ]; then most=$all; fi
	if [ "${serve:-0}" -lt "$least" ]; then least=$serve; fi
	if [ "$most" -gt 4 ] && [ "$all $serve $updated" = "4 4 4" ]; then break; fi
	sleep 0.1
done
kubectl create configmap seen --from-literal=most="$most" --from-literal=least="$least" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
kubectl label configmap seen lab=deployments >/dev/null
echo "there were $most pods at most, and $least served at least"
