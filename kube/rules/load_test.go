//go:build linux

package rules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/knftables"
)

// table writes a table with a map of addresses to a chain.
func table(tx *knftables.Transaction) {
	t := &knftables.Table{}
	tx.Add(t)
	tx.Delete(t)
	tx.Add(t)
	tx.Add(&knftables.Map{Name: "doors", Type: "ipv4_addr : verdict"})
	tx.Add(&knftables.Set{Name: "known", Type: "ipv4_addr"})
}

// door lets an address in by a chain that several may use, and makes it known.
func door(address string) Rows {
	return Rows{{In: Chains, Key: "let-in"}: "accept", {In: "doors", Key: address}: "goto let-in", {In: "known", Key: address}: ""}
}

// strict is a kernel that is only played, and takes nothing in which a word stands.
type strict struct {
	*knftables.Fake
	word string
}

func (s *strict) verdict(tx *knftables.Transaction) error {
	if s.word != "" && strings.Contains(tx.String(), s.word) {
		return errors.New("not " + s.word)
	}
	return nil
}

func (s *strict) Check(ctx context.Context, tx *knftables.Transaction) error {
	return errors.Join(s.verdict(tx), s.Fake.Check(ctx, tx))
}

func (s *strict) Run(ctx context.Context, tx *knftables.Transaction) error {
	if err := s.verdict(tx); err != nil {
		return err
	}
	return s.Fake.Run(ctx, tx)
}

func newKernel() *strict {
	return &strict{Fake: knftables.NewFake(knftables.IPv4Family, "doors")}
}

func TestARefusedRowIsToldAndBlocksNoOther(t *testing.T) {
	kernel := newKernel()
	loader := NewLoader[int](kernel, "known")
	wanted, owners := map[int]Rows{}, []int{}
	for i := range 20 {
		owners, wanted[i] = append(owners, i), door(fmt.Sprintf("10.0.0.%d", 100+i))
	}
	kernel.word = "10.0.0.107"
	refused, err := loader.Load(t.Context(), owners, wanted, table)
	if err != nil || len(refused) != 1 || !errors.Is(refused[7], ErrRefused) || !strings.Contains(refused[7].Error(), "not 10.0.0.107") {
		t.Fatalf("refused: %v, %v", refused, err)
	}
	if have := kernel.Dump(); strings.Count(have, "goto let-in") != 19 || strings.Contains(have, "10.0.0.107") {
		t.Errorf("the others are not there:\n%s", have)
	}
	kernel.word = "10.1.0.1"
	refused, err = loader.Load(t.Context(), []int{3, 7}, map[int]Rows{3: door("10.1.0.1"), 7: wanted[7]}, nil)
	if err != nil || len(refused) != 1 || !errors.Is(refused[3], ErrRefused) {
		t.Fatalf("refused: %v, %v", refused, err)
	}
	if have := kernel.Dump(); !strings.Contains(have, "10.0.0.103 : goto") || !strings.Contains(have, "10.0.0.107 : goto") {
		t.Errorf("an owner whose new rows are refused keeps those that it had, and one that is mended comes:\n%s", have)
	}
	refused, err = loader.Load(t.Context(), owners, nil, nil)
	if have := kernel.Dump(); err != nil || len(refused) > 0 || strings.Contains(have, "let-in") || strings.Contains(have, "10.") {
		t.Errorf("when nobody wants anything, the chain goes with the last row: %v %v\n%s", refused, err, have)
	}
}

func TestATableThatSomebodyChangedIsToldAndReplaced(t *testing.T) {
	kernel := newKernel()
	loader := NewLoader[int](kernel, "known")
	wanted := map[int]Rows{1: door("10.0.0.1")}
	if _, err := loader.Load(t.Context(), []int{1}, wanted, table); err != nil {
		t.Fatal(err)
	}
	tx := kernel.NewTransaction()
	tx.Delete(&knftables.Table{})
	if err := kernel.Fake.Run(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := loader.Load(t.Context(), []int{2}, map[int]Rows{2: door("10.0.0.2")}, nil); !errors.Is(err, ErrLost) || loader.Known() {
		t.Fatalf("the table is gone, and the loader says %v, known %t", err, loader.Known())
	}
	wanted[2] = door("10.0.0.2")
	if _, err := loader.Load(t.Context(), []int{1, 2}, wanted, table); err != nil || strings.Count(kernel.Dump(), "goto let-in") != 2 {
		t.Errorf("%v\n%s", err, kernel.Dump())
	}
}
