package main

import (
	"fmt"
	"slices"
	"time"
)

// figure is one row of the result: what several rounds of one measure came to.
type figure struct {
	Work   string  `json:"work"`
	Unit   string  `json:"unit"`
	Count  int     `json:"count"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
}

// newFigure sums up samples, of which there is at least one.
func newFigure(work, unit string, samples []float64) figure {
	sorted := slices.Sorted(slices.Values(samples))
	return figure{Work: work, Unit: unit, Count: len(sorted), Min: sorted[0], Median: quantile(sorted, 0.5), P99: quantile(sorted, 0.99)}
}

// quantile is the smallest sample that is not below the share q of all samples (the nearest-rank definition).
func quantile(sorted []float64, q float64) float64 {
	rank := int(q * float64(len(sorted)))
	if float64(rank) < q*float64(len(sorted)) {
		rank++
	}
	return sorted[max(rank, 1)-1]
}

// milliseconds is the unit of everything that a person waits for.
func milliseconds(durations []time.Duration) []float64 {
	converted := make([]float64, len(durations))
	for i, d := range durations {
		converted[i] = float64(d.Microseconds()) / 1000
	}
	return converted
}

// rates turns the times of rounds, each of n operations, into operations a second.
func rates(rounds []time.Duration, n int) []float64 {
	converted := make([]float64, len(rounds))
	for i, d := range rounds {
		converted[i] = float64(n) / d.Seconds()
	}
	return converted
}

// String is the figure as a row of a Markdown table.
func (f figure) String() string {
	return fmt.Sprintf("| %s | %s | %d | %s | %s | %s |", f.Work, f.Unit, f.Count, short(f.Min), short(f.Median), short(f.P99))
}

// short writes a number with about three digits that mean something.
func short(value float64) string {
	switch {
	case value >= 100:
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}
