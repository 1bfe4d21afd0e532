package capability

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLacking(t *testing.T) {
	tests := []struct {
		name, status, last string
		want               []string
		wantErr            bool
	}{
		{name: "all", status: "Name:\tx\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n", last: "40"},
		{name: "one", status: "CapEff:\t000001fffeffffff\nCapBnd:\t000001ffffffffff\n", last: "40", want: []string{SysResource}},
		{name: "two", status: "CapEff:\t000001fffeffbfff\n", last: "40", want: []string{"CAP_IPC_LOCK", SysResource}},
		{name: "what the kernel does not know is not lacking", status: "CapEff:\t0000003fffffffff\n", last: "37"},
		{name: "what we do not know either", status: "CapEff:\t000001ffffffffff\n", last: "63"},
		{name: "no such line", status: "Name:\tx\n", last: "40", wantErr: true},
		{name: "no number", status: "CapEff:\t000001ffffffffff\n", last: "", wantErr: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := lacking(tt.status, tt.last)
			if (err != nil) != tt.wantErr {
				t.Fatalf("error %v, want one: %t", err, tt.wantErr)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
