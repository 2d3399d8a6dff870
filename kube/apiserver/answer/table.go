package answer

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"kubelab/kube/api"
)

// nameColumn is the first column of every kind that does not place its name elsewhere.
var nameColumn = api.Column{Name: "Name", Type: "string", Value: func(o api.Object) any { return o.GetName() }}

// columnsOf are the columns of a kind's table.
func columnsOf(kind *api.Kind) []api.Column {
	columns := kind.Columns
	if len(columns) == 0 {
		columns = []api.Column{{Name: "Age", Type: "string", Value: func(o api.Object) any { return api.Age(o.GetCreationTimestamp()) }}}
	}
	if slices.ContainsFunc(columns, func(c api.Column) bool { return c.Name == nameColumn.Name }) {
		return columns
	}
	return append([]api.Column{nameColumn}, columns...)
}

// table shows objects as the rows that kubectl get prints.
func (v View) table(kind *api.Kind, objects []api.Object, meta metav1.ListMeta) *metav1.Table {
	t := &metav1.Table{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "Table"},
		ListMeta: meta,
		Rows:     []metav1.TableRow{},
	}
	columns := columnsOf(kind)
	for _, column := range columns {
		definition := metav1.TableColumnDefinition{Name: column.Name, Type: column.Type}
		if column.Name == nameColumn.Name {
			definition.Format = "name"
		}
		if column.Wide {
			definition.Priority = 1
		}
		t.ColumnDefinitions = append(t.ColumnDefinitions, definition)
	}
	for _, object := range objects {
		t.Rows = append(t.Rows, v.row(columns, object))
	}
	return t
}

func (v View) row(columns []api.Column, object api.Object) metav1.TableRow {
	r := metav1.TableRow{}
	for _, column := range columns {
		r.Cells = append(r.Cells, column.Value(object))
	}
	switch v.Include {
	case metav1.IncludeObject:
		r.Object = runtime.RawExtension{Object: object}
	case metav1.IncludeNone:
	default:
		r.Object = runtime.RawExtension{Object: partial(object)}
	}
	return r
}
