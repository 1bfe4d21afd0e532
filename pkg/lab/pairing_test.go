package lab

import (
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/defaults"
)

func TestNodeImage(t *testing.T) {
	for calicoVersion, want := range map[string]string{
		"v3.33.0": ":v1.37.", "v3.32.1": ":v1.36.", "v3.31.7": ":v1.35.", "v3.28.5": ":v1.34.", // 3.28 is tested with none that kind has
		"v3.99.0": ":v1.37.", "v3.32.0-rc1": ":v1.36.",
	} {
		if got := NodeImage(calicoVersion); !strings.Contains(got, want) || !strings.Contains(got, "@sha256:") {
			t.Errorf("%s: %s, want %s", calicoVersion, got, want)
		}
	}
	if got, want := NodeImage(""), NodeImage(DefaultCalicoVersion); got != want {
		t.Errorf("without a version: %s, want %s", got, want)
	}
}

// TestDefaultsAreAPair: the defaults give no warning.
func TestDefaultsAreAPair(t *testing.T) {
	if text := untested(DefaultCalicoVersion, NodeImage("")); text != "" {
		t.Error(text)
	}
	// Whoever renews kind renews the list of its images too.
	if want := "kindest/node:v1.37.0@"; !strings.HasPrefix(defaults.Image, want) {
		t.Errorf("kind's default is %s now: take the images of its release notes", defaults.Image)
	}
}

func TestUntested(t *testing.T) {
	tests := []struct {
		calico, node, want string
	}{
		{"v3.32.1", "kindest/node:v1.37.0@sha256:" + strings.Repeat("0", 64),
			"Calico v3.32.1 is tested with Kubernetes v1.34 to v1.36, and kindest/node:v1.37.0 has v1.37: other pairs may work"},
		{"v3.28.5", "localhost/kindest/node:v1.34.4-offline", "Calico v3.28.5 is tested with Kubernetes v1.27 to v1.30, and " +
			"localhost/kindest/node:v1.34.4-offline has v1.34: other pairs may work"},
		{"v3.33.0", "kindest/node:v1.34.0", "Calico v3.33.0 is tested with Kubernetes v1.35 to v1.37, and kindest/node:v1.34.0 has v1.34: other pairs may work"},
		{"v3.32.1", "kindest/node:v1.34.0", ""},
		{"v3.32.1", "kindest/node:v1.36.4", ""},
		{"v3.32.1", "mine:latest", ""},
		{"v3.27.0", "kindest/node:v1.34.0", ""}, // not in the table
		{"", "kindest/node:v1.34.0", ""},
	}
	for _, tt := range tests {
		if got := untested(tt.calico, tt.node); got != tt.want {
			t.Errorf("%s with %s: %q, want %q", tt.calico, tt.node, got, tt.want)
		}
	}
}
