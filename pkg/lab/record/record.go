// Package record is a lab's description of itself on the Docker host: labels on the switch's container. The client has no
// state, so a lab can be inspected and deleted from any machine that reaches the same Docker host, half-built or not.
package record

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// The labels. Every container that a lab makes itself carries LabelLab; the switch carries the record as well.
const (
	LabelLab    = "dualstack.lab"        // the lab's name
	LabelRole   = "dualstack.lab.role"   // switch, helper or lock
	LabelRecord = "dualstack.lab.record" // a Record as JSON
	// LabelPurpose is on a lock and names its purpose.
	LabelPurpose = "dualstack.lab.purpose"
)

// The roles of a lab's own containers.
const (
	RoleSwitch = "switch"
	RoleHelper = "helper"
	RoleLock   = "lock"
)

// LockName names the container that is a lab's lock.
func LockName(lab string) string { return lab + "-lock" }

// KindCluster is the label that kind puts on its nodes.
const KindCluster = "io.x-k8s.kind.cluster"

// KindNetwork is the network that kind puts its nodes on.
const KindNetwork = "kind"

// Record is the data needed to repair, export or delete a lab.
type Record struct {
	Lab       spec.Lab `json:"lab"`
	Switch    string   `json:"switch"` // the name of its kind
	NodeImage string   `json:"nodeImage"`
	// The other options that the lab was created with. Labs of earlier versions have none.
	Runtime         string `json:"runtime,omitempty"` // the name of the container runtime
	SwitchImage     string `json:"switchImage,omitempty"`
	ToolsImage      string `json:"toolsImage,omitempty"`
	CalicoInstall   string `json:"calicoInstall,omitempty"`
	CalicoVersion   string `json:"calicoVersion,omitempty"`
	CalicoManifests string `json:"calicoManifests,omitempty"` // folder or URL
	// Kubeconfig is the file that got the lab's context if one was named (--kubeconfig), absolute.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// KubeconfigCreated says that the file did not exist before.
	KubeconfigCreated bool `json:"kubeconfigCreated,omitempty"`
	// NetworkCreated says that Docker's network "kind" did not exist before the lab (or before another lab that still
	// exists). The last lab to go removes it, if it has no other containers.
	NetworkCreated bool `json:"networkCreated,omitempty"`
}

// Labels returns the labels of a container of a lab.
func Labels(lab, role string) map[string]string {
	return map[string]string{LabelLab: lab, LabelRole: role}
}

// Labels returns the labels of the switch's container.
func (r Record) Labels() (map[string]string, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the lab's record: %w", err)
	}
	labels := Labels(r.Lab.Name, RoleSwitch)
	labels[LabelRecord] = string(raw)
	return labels, nil
}

// Read returns the record that a switch's container carries.
func Read(c container.Container) (Record, error) {
	var r Record
	if err := json.Unmarshal([]byte(c.Labels[LabelRecord]), &r); err != nil {
		return Record{}, fmt.Errorf("read the record on container %s: %w", c.Name, err)
	}
	return r, nil
}

// IsNode reports whether a container is a node of a lab: one of kind's that has the lab's mark.
func IsNode(c container.Container) bool {
	return c.Labels[KindCluster] != "" && slices.Contains(c.Mounts, render.Marker)
}

// LabOf returns the name of the lab that a container belongs to, or the empty string.
func LabOf(c container.Container) string {
	if IsNode(c) {
		return c.Labels[KindCluster]
	}
	return c.Labels[LabelLab]
}
