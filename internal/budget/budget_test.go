package budget_test

import (
	"errors"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
)

func TestSpend(t *testing.T) {
	b := budget.New(10)
	for i, test := range []struct {
		bytes int
		ok    bool
	}{{4, true}, {6, true}, {0, true}, {1, false}, {1, false}} {
		if err := b.Spend(test.bytes); (err == nil) != test.ok {
			t.Errorf("step %d: got %v", i, err)
		}
	}
	var exceeded *budget.ExceededError
	if err := budget.New(1 << 20).Spend(-1); !errors.As(err, &exceeded) || exceeded.Limit != 1<<20 {
		t.Errorf("got %v", err)
	}
	var none *budget.Budget
	if err := none.Spend(1 << 40); err != nil {
		t.Errorf("no budget at all: %v", err)
	}
}

// TestAppend: a list grows as far as the budget goes, and no further.
func TestAppend(t *testing.T) {
	type item [64]byte
	b := budget.New(1 << 20)
	var list []item
	var err error
	for err == nil {
		var longer []item
		if longer, err = budget.Append(b, list, item{}); err == nil {
			list = longer
		}
	}
	if paid := len(list) * 64; paid > 1<<20 || paid < 1<<19 {
		t.Errorf("%d bytes for a budget of %d", paid, 1<<20)
	}
}

func TestEarn(t *testing.T) {
	b := budget.New(4)
	b.Earn(2)
	if err := b.Spend(6); err != nil {
		t.Error(err)
	}
	if err := b.Spend(1); err == nil {
		t.Error("more was spent than was earned")
	}
}

// TestShared: budgets that run at once spend no more together than they share, and what one gives back others may spend.
func TestShared(t *testing.T) {
	shared := budget.NewShared(10)
	a, b := shared.New(8), shared.New(8)
	var exceeded *budget.ExceededError
	if err := a.Spend(9); !errors.As(err, &exceeded) || exceeded.Shared {
		t.Errorf("more than its own: %v", err)
	}
	a = shared.New(8)
	if err := errors.Join(a.Spend(6), b.Spend(4)); err != nil {
		t.Error(err)
	}
	if err := b.Spend(1); !errors.As(err, &exceeded) || !exceeded.Shared || exceeded.Limit != 10 {
		t.Errorf("more than is shared: %v", err)
	}
	a.Refund()
	a.Refund()
	if err := b.Spend(4); err != nil {
		t.Error(err)
	}
	if err := shared.New(8).Spend(3); err == nil {
		t.Error("more was given back than was drawn")
	}
}
