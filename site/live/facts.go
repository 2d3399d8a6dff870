package live

import (
	"encoding/json"
	"maps"
	"slices"

	"kubelab/site/record"
)

// facts knows what was told of the hosts, so that only changes are told. It belongs to one goroutine.
type facts struct {
	tell func(record.Frame)
	told map[string]map[string]string // by family and by what it is about, as JSON
}

func newFacts(tell func(record.Frame)) *facts {
	return &facts{tell: tell, told: map[string]map[string]string{}}
}

// update tells what has changed of a family of facts, given all that is true of it now.
func (f *facts) update(family string, now map[string]any) error {
	before := f.told[family]
	told := make(map[string]string, len(now))
	f.told[family] = told
	for _, about := range slices.Sorted(maps.Keys(now)) {
		data, err := json.Marshal(now[about])
		if err != nil {
			return err
		}
		if told[about] = string(data); before[about] != told[about] {
			f.tell(record.Frame{Fact: &record.Fact{About: about, Data: data}})
		}
	}
	for _, about := range slices.Sorted(maps.Keys(before)) {
		if _, still := now[about]; !still {
			f.tell(record.Frame{Fact: &record.Fact{About: about}})
		}
	}
	return nil
}
