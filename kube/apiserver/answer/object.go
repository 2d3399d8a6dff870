package answer

import (
	"encoding/json"
	"fmt"
	"sync"

	"kubelab/kube/api"
)

// Object is an object that many clients read: it is decoded once, and encoded once.
type Object struct {
	Kind *api.Kind
	Is   api.Object // shared: nobody may change it

	once sync.Once
	json []byte
}

// JSON is the object as it is sent, with its resourceVersion. The bytes are shared: nobody may change them.
func (o *Object) JSON() []byte {
	o.once.Do(func() {
		encoded, err := json.Marshal(o.Is)
		if err != nil {
			panic(fmt.Sprintf("encode %s %s: %v", o.Kind.Kind, o.Is.GetName(), err)) // it came from JSON
		}
		o.json = encoded
	})
	return o.json
}
