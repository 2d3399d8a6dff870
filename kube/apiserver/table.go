package apiserver

import (
	"k8s.io/apimachinery/pkg/runtime"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kubelab/kube/api"
)

// table shows objects as the rows that kubectl get prints. Its first column is always the name.
func table(c *call, kind *api.Kind, objects []api.Object, meta metav1.ListMeta) *metav1.Table {
	t := &metav1.Table{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "Table"},
		ListMeta: meta,
		ColumnDefinitions: []metav1.TableColumnDefinition{
			{Name: "Name", Type: "string", Format: "name", Description: "Name must be unique within a namespace."},
		},
		Rows: []metav1.TableRow{},
	}
	columns := kind.Columns
	if len(columns) == 0 {
		columns = []api.Column{{Name: "Age", Type: "string", Value: func(o api.Object) any { return api.Age(o.GetCreationTimestamp()) }}}
	}
	for _, column := range columns {
		definition := metav1.TableColumnDefinition{Name: column.Name, Type: column.Type}
		if column.Wide {
			definition.Priority = 1
		}
		t.ColumnDefinitions = append(t.ColumnDefinitions, definition)
	}
	for _, object := range objects {
		t.Rows = append(t.Rows, row(c, columns, object))
	}
	return t
}

func row(c *call, columns []api.Column, object api.Object) metav1.TableRow {
	r := metav1.TableRow{Cells: []any{object.GetName()}}
	for _, column := range columns {
		r.Cells = append(r.Cells, column.Value(object))
	}
	switch metav1.IncludeObjectPolicy(c.query("includeObject")) {
	case metav1.IncludeObject:
		r.Object = runtime.RawExtension{Object: object}
	case metav1.IncludeNone:
	default:
		r.Object = runtime.RawExtension{Object: partial(object)}
	}
	return r
}
