package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	// crashes is how often a container may end during a wait. Then the wait ends too. Some containers wait for others by ending.
	// Restarts from before the wait do not count: a lab that was restarted has many of them.
	crashes = 5
	// pullPatience is how long a failed pull may last before the wait for it ends. The kubelet tries again after 10 s, and a registry
	// may have refused once.
	pullPatience = 15 * time.Second
	// logLines is how much of a crashed container's log is shown.
	logLines = 5
)

// stuck finds pods that will not become ready however long one waits: their image cannot be pulled, or they crash again and again.
type stuck struct {
	client kubernetes.Interface
	since  map[string]time.Time // of failed pulls, by image and node
	before map[string]int32     // restarts when the wait began, by pod and container
}

func newStuck(client kubernetes.Interface) *stuck {
	return &stuck{client: client, since: map[string]time.Time{}, before: map[string]int32{}}
}

// look returns an error for the first such pod. detail is told of a failed pull at once.
func (s *stuck) look(ctx context.Context, pods []corev1.Pod, detail func(string)) error {
	for i := range pods {
		p := &pods[i]
		for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
			key := string(p.UID) + " " + c.Name
			if _, seen := s.before[key]; !seen {
				s.before[key] = c.RestartCount
			}
			w := c.State.Waiting
			if w == nil || p.DeletionTimestamp != nil {
				continue
			}
			switch w.Reason {
			case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName":
				text := fmt.Sprintf("node %s cannot pull %s, for pod %s/%s", p.Spec.NodeName, c.Image, p.Namespace, p.Name)
				detail(text)
				pull := c.Image + " " + p.Spec.NodeName
				if s.since[pull].IsZero() {
					s.since[pull] = time.Now()
				}
				if time.Since(s.since[pull]) > pullPatience || strings.HasPrefix(w.Reason, "ErrImageNever") || w.Reason == "InvalidImageName" {
					return fmt.Errorf("%s: %s: where there is no registry, load it from a file (docker save) with --image-archive", text, firstLine(w.Message))
				}
			case "CrashLoopBackOff":
				if c.RestartCount-s.before[key] >= crashes {
					return fmt.Errorf("pod %s/%s on node %s crashes again and again%s", p.Namespace, p.Name, p.Spec.NodeName, s.lastWords(ctx, p, c.Name))
				}
			}
		}
	}
	return nil
}

// lastWords are the last lines of a crashed container's log.
func (s *stuck) lastWords(ctx context.Context, p *corev1.Pod, container string) string {
	lines := int64(logLines)
	stream, err := s.client.CoreV1().Pods(p.Namespace).GetLogs(p.Name,
		&corev1.PodLogOptions{Container: container, Previous: true, TailLines: &lines}).Stream(ctx)
	if err != nil {
		return ""
	}
	defer stream.Close()
	const most = 4 << 10
	text, err := io.ReadAll(io.LimitReader(stream, most))
	if err != nil || len(text) == 0 {
		return ""
	}
	return "; its log ends with: " + strings.Join(strings.Split(strings.TrimSpace(string(text)), "\n"), " | ")
}
