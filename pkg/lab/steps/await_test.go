package steps

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestAwait(t *testing.T) {
	tired, broken := errors.New("tired"), errors.New("broken")
	tests := []struct {
		name    string
		pending []string // what each look finds
		err     error    // of the last look
		cancel  bool     // at the last look
		want    string
	}{
		{"nothing to wait for", []string{""}, nil, false, ""},
		{"something that comes", []string{"no port", "no port", ""}, nil, false, ""},
		{"a look that fails", []string{"no port", ""}, broken, false, "broken"},
		{"an end while something is pending", []string{"no port", "port down"}, nil, true, "wait for the switch: tired: no port"},
		{"an end during the first look", []string{"cut off"}, nil, true, "wait for the switch: tired: cut off"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			looks := 0
			err := Await(ctx, time.Microsecond, "the switch", func(context.Context) (string, error) {
				looks++
				last := looks == len(tt.pending)
				if last && tt.cancel {
					cancel(tired)
				}
				if last && tt.err != nil {
					return "", tt.err
				}
				return tt.pending[looks-1], nil
			})
			if got := ""; err != nil {
				got = err.Error()
				if got != tt.want {
					t.Errorf("error %q, want %q", got, tt.want)
				}
			} else if tt.want != "" {
				t.Errorf("no error, want %q", tt.want)
			}
			if tt.cancel && !errors.Is(err, tired) {
				t.Errorf("%v hides why it ended", err)
			}
		})
	}
}
