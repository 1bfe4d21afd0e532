package apiserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// FillPods writes this many pods in a transaction of etcd, and this many transactions at once.
const (
	fillBatch       = 100
	fillConnections = 4
)

// put is an operation of a transaction in etcd's JSON.
type put struct {
	Request struct {
		Key   []byte `json:"key"`
		Value []byte `json:"value"`
	} `json:"requestPut"`
}

// FillPods writes pods into etcd as the API server would store them, past the API server: with their status, and in a
// fraction of the time. They must have all that the API server sets, such as a UID.
func (s *Server) FillPods(ctx context.Context, pods iter.Seq[*corev1.Pod]) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fillConnections)
	encoder := protobuf.NewSerializer(scheme.Scheme, scheme.Scheme)
	var batch []put
	flush := func() {
		puts := batch
		batch = nil
		group.Go(func() error { return s.transact(ctx, puts) })
	}
	for pod := range pods {
		pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
		var value bytes.Buffer
		if err := encoder.Encode(pod, &value); err != nil {
			return fmt.Errorf("encode pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		var p put
		p.Request.Key = []byte("/registry/pods/" + pod.Namespace + "/" + pod.Name)
		p.Request.Value = value.Bytes()
		if batch = append(batch, p); len(batch) == fillBatch {
			flush()
		}
	}
	if len(batch) > 0 {
		flush()
	}
	return group.Wait()
}

// transact writes a batch through etcd's JSON gateway.
func (s *Server) transact(ctx context.Context, puts []put) error {
	body, err := json.Marshal(map[string]any{"success": puts})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.etcdURL+"/v3/kv/txn", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("write to etcd: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(answer))
	}
	if err != nil {
		return fmt.Errorf("write to etcd: %w", err)
	}
	return nil
}
