package rules

import "maps"

// Row names one row: the map or set that it is in, and its key there, as nft writes it ("10.96.0.1 . tcp . 443").
type Row struct{ In, Key string }

// Chains is where chains are: the key of such a row is the chain's name, and its value the only rule of it.
const Chains = "chains"

// Rows are rows with their values. A member of a set has none.
type Rows map[Row]string

// Table is which rows its owners want. Two may want the same row: it stays until the last one lets go of it.
type Table[Owner comparable] struct {
	owners map[Owner]Rows
	rows   map[Row]cell
}

// cell is a row's value, and how many owners want the row.
type cell struct {
	value   string
	holders int
}

// NewTable makes an empty table.
func NewTable[Owner comparable]() *Table[Owner] {
	return &Table[Owner]{owners: map[Owner]Rows{}, rows: map[Row]cell{}}
}

// Len is how many rows there are.
func (t *Table[Owner]) Len() int { return len(t.rows) }

// Changes are the rows that lead from one content of a table to another. A row that only changes its value is in both.
type Changes struct{ Delete, Add Rows }

// NoChanges has room for some.
func NoChanges() Changes { return Changes{Delete: Rows{}, Add: Rows{}} }

// Put replaces the rows that an owner wants (none: it is gone), and notes in changes what that takes. It returns those that it
// wanted before. The table keeps wanted: nobody may change it afterwards.
func (t *Table[Owner]) Put(owner Owner, wanted Rows, changes Changes) (before Rows) {
	before = t.owners[owner]
	if maps.Equal(before, wanted) {
		return before
	}
	t.owners[owner] = wanted
	if len(wanted) == 0 {
		delete(t.owners, owner)
	}
	// What stays is taken before it is let go, so that it never seems to be wanted by nobody.
	for row, value := range wanted {
		t.take(row, value, changes)
	}
	for row := range before {
		t.letGo(row, changes)
	}
	return before
}

func (t *Table[Owner]) take(row Row, value string, changes Changes) {
	c, there := t.rows[row]
	t.rows[row] = cell{value, c.holders + 1}
	if there && c.value == value {
		return
	}
	_, added := changes.Add[row]
	if there && !added {
		changes.Delete[row] = c.value
	}
	if old, deleted := changes.Delete[row]; deleted && old == value {
		delete(changes.Delete, row) // it is as it was before these changes
		delete(changes.Add, row)
		return
	}
	changes.Add[row] = value
}

func (t *Table[Owner]) letGo(row Row, changes Changes) {
	c := t.rows[row]
	if c.holders--; c.holders > 0 {
		t.rows[row] = c
		return
	}
	delete(t.rows, row)
	if _, added := changes.Add[row]; added {
		delete(changes.Add, row)
		return
	}
	changes.Delete[row] = c.value
}
