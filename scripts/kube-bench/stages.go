package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"kubelab/kube/trace"
)

// recordDelay is how long nodes may take to deliver their steps.
const recordDelay = time.Second

// reportStages says where the time of the pods' starts went, from the causal record. Only a kubelab cluster has one.
func (b *bench) reportStages(ctx context.Context, starts map[string]seen) error {
	if b.cluster == "" {
		return nil
	}
	if err := pause(ctx, recordDelay); err != nil {
		return err
	}
	body, err := b.client.CoreV1().RESTClient().Get().AbsPath(trace.Path).Do(ctx).Raw()
	if err != nil {
		return fmt.Errorf("read the causal record: %w", err)
	}
	var record []trace.Step
	if err := json.Unmarshal(body, &record); err != nil {
		return fmt.Errorf("read the causal record: %w", err)
	}
	samples := map[string][]time.Duration{}
	for name, client := range starts {
		pod := trace.Ref{Resource: "pods", Namespace: namespace, Name: name}
		for stage, took := range timesOf(trace.Chain(record, pod), pod, client) {
			samples[stage] = append(samples[stage], took)
		}
	}
	var names []string
	for _, stage := range stages {
		names = append(names, stage.name)
	}
	for _, name := range append(names, stageSeen, stageFirstNode, stageLastNode) {
		b.report("a pod's start: "+name, "ms", milliseconds(samples[name]))
	}
	return nil
}
