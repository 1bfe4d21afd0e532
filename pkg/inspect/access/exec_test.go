package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
)

func calicoPod(namespace, name, node string, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"k8s-app": "calico-node"},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(daemonSet(namespace),
				appsv1.SchemeGroupVersion.WithKind("DaemonSet"))}},
		Spec: corev1.PodSpec{
			NodeName: node, HostNetwork: true,
			Containers: []corev1.Container{
				{Name: "sidecar", Image: "sidecar:1"}, {Name: "calico-node", Image: "calico/node:v3.28.5"},
			},
		},
		Status: corev1.PodStatus{Phase: phase},
	}
}

// daemonSet is calico-node's in a namespace.
func daemonSet(namespace string) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "calico-node", UID: types.UID("uid-" + namespace)}}
}

// TestCalicoNodeIsOwned: neither label nor name makes a pod calico-node. A stranger's is not entered, and its image is not
// run, whatever it calls itself.
func TestCalicoNodeIsOwned(t *testing.T) {
	for name, test := range map[string]struct {
		namespace string
		edit      func(*corev1.Pod)
		hidden    bool // the DaemonSet may not be read
		missing   bool // there is none
		want      bool
	}{
		"the DaemonSet's":                    {want: true},
		"the operator's":                     {namespace: "calico-system", want: true},
		"the DaemonSet's, which is hidden":   {hidden: true, want: true},
		"without a DaemonSet":                {missing: true},
		"of another namespace":               {namespace: "tenant"},
		"of a namespace that looks like one": {namespace: "calico-system2"},
		"without an owner":                   {edit: func(p *corev1.Pod) { p.OwnerReferences = nil }},
		"without one, and hidden":            {hidden: true, edit: func(p *corev1.Pod) { p.OwnerReferences = nil }},
		"owned, but not controlled":          {edit: func(p *corev1.Pod) { p.OwnerReferences[0].Controller = nil }},
		"of another DaemonSet":               {edit: func(p *corev1.Pod) { p.OwnerReferences[0].Name = "tenant" }},
		"of a DaemonSet of that name before": {edit: func(p *corev1.Pod) { p.OwnerReferences[0].UID = "before" }},
		"of a kind of that name":             {edit: func(p *corev1.Pod) { p.OwnerReferences[0].APIVersion = "tenant.example/v1" }},
		"of a Deployment":                    {edit: func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Deployment" }},
		"on a network of its own":            {edit: func(p *corev1.Pod) { p.Spec.HostNetwork = false }},
		"without the container":              {edit: func(p *corev1.Pod) { p.Spec.Containers = p.Spec.Containers[:1] }},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := cmp.Or(test.namespace, "kube-system")
			pod := calicoPod(namespace, "p", "n1", corev1.PodRunning)
			if test.edit != nil {
				test.edit(pod)
			}
			client := fake.NewClientset(pod)
			if !test.missing {
				client = fake.NewClientset(pod, daemonSet(namespace))
			}
			if test.hidden {
				client.PrependReactor("get", "daemonsets", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, forbidden("daemonsets")
				})
			}
			client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
				if a.GetNamespace() == "" {
					t.Error("the pods of all namespaces were listed")
				}
				return false, nil, nil
			})
			pods := &calicoPods{client: client}
			ref, err := pods.on(t.Context(), "n1")
			image, imageErr := newDebug(client, "").imageFor(t.Context(), "n1")
			if (err == nil) != test.want || (imageErr == nil) != test.want {
				t.Errorf("found %+v (%v), image %q (%v)", ref, err, image, imageErr)
			}
		})
	}
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
}

func TestExec(t *testing.T) {
	client := fake.NewClientset(
		daemonSet("calico-system"),
		calicoPod("calico-system", "calico-node-1", "n1", corev1.PodRunning),
		calicoPod("calico-system", "calico-node-2", "n2", corev1.PodPending),
		calicoPod("calico-system", "calico-node-old", "n3", corev1.PodFailed),
		calicoPod("calico-system", "calico-node-3", "n3", corev1.PodRunning),
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: corev1.PodSpec{NodeName: "n4"}},
	)
	tests := map[string]struct {
		node      string
		err       error // of the stream
		wantPod   string
		wantErr   string
		permanent bool
	}{
		"the node's own pod":        {node: "n1", wantPod: "calico-system/calico-node-1"},
		"the running one of two":    {node: "n3", wantPod: "calico-system/calico-node-3"},
		"a pod that does not run":   {node: "n2", wantErr: "pod calico-system/calico-node-2 is not running", permanent: true},
		"a node without the pod":    {node: "n4", wantErr: "no calico-node pod on the node", permanent: true},
		"a stream that breaks":      {node: "n1", err: io.ErrUnexpectedEOF, wantErr: "calico-node-1: unexpected EOF (said no)"},
		"no permission":             {node: "n1", err: forbidden("pods"), wantErr: "cannot create pods/exec in namespace calico-system", permanent: true},
		"a pod that has just ended": {node: "n1", err: apierrors.NewNotFound(schema.GroupResource{}, "x"), wantErr: "is gone", permanent: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var entered string
			e := &Exec{pods: &calicoPods{client: client}}
			e.stream = func(_ context.Context, c Container, command []string, s Streams) error {
				entered = c.String() + " " + c.Name
				fmt.Fprint(s.Stdout, strings.Join(command, "|"))
				fmt.Fprint(s.Stderr, "said no\n")
				return tt.err
			}
			out, err := e.Run(t.Context(), tt.node, "SCRIPT", "ARG")
			checkError(t, err, tt.wantErr, tt.permanent)
			if tt.wantErr == "" && (entered != tt.wantPod+" calico-node" || string(out) != "sh|-c|echo\nSCRIPT|dualstack|ARG") {
				t.Errorf("entered %s, output %q", entered, out)
			}
		})
	}
}

func checkError(t *testing.T, err error, want string, permanent bool) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
	if err != nil && IsPermanent(err) != permanent {
		t.Errorf("error %v: permanent %v, want %v", err, IsPermanent(err), permanent)
	}
}

// TestExecListsOnce: one list of each namespace serves all nodes, also a list that was refused.
func TestExecListsOnce(t *testing.T) {
	tests := map[string]struct {
		deny func(namespace string) bool
		want string
	}{
		"both namespaces":          {deny: func(string) bool { return false }},
		"its own":                  {deny: func(ns string) bool { return ns != "kube-system" }},
		"none, and it says so":     {deny: func(string) bool { return true }, want: "cannot list pods in namespace kube-system"},
		"one, without calico-node": {deny: func(ns string) bool { return ns != "calico-system" }, want: "cannot list pods in namespace kube-system"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(daemonSet("kube-system"), calicoPod("kube-system", "calico-node-1", "n1", corev1.PodRunning))
			lists := 0
			client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
				lists++
				if tt.deny(a.GetNamespace()) {
					return true, nil, forbidden("pods")
				}
				return false, nil, nil
			})
			e := &Exec{pods: &calicoPods{client: client}, stream: func(context.Context, Container, []string, Streams) error { return nil }}
			for range 3 {
				_, err := e.Run(t.Context(), "n1", "SCRIPT")
				checkError(t, err, tt.want, true)
			}
			if lists != 2 {
				t.Errorf("%d lists, want one of each namespace", lists)
			}
		})
	}
}

// TestExecTooLarge: a node that never stops printing is stopped.
func TestExecTooLarge(t *testing.T) {
	client := fake.NewClientset(daemonSet("calico-system"), calicoPod("calico-system", "calico-node-1", "n1", corev1.PodRunning))
	e := &Exec{pods: &calicoPods{client: client}}
	e.stream = func(ctx context.Context, _ Container, _ []string, s Streams) error {
		chunk := make([]byte, 1<<20)
		for ctx.Err() == nil {
			_, _ = s.Stdout.Write(chunk) // as the streams of an exec do, which drop the error
		}
		return ctx.Err()
	}
	_, err := e.Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "more than 16 MiB", true)
}

// TestRemoteStreamErrors puts the real executor in front of servers that do not let it in.
func TestRemoteStreamErrors(t *testing.T) {
	tests := map[string]struct {
		answer    http.HandlerFunc
		want      string
		permanent bool
	}{
		"no permission": {
			answer:    status(http.StatusForbidden, `pods \"x\" is forbidden: User \"u\" cannot create resource \"pods/exec\"`),
			want:      "cannot create pods/exec in namespace calico-system: permission denied",
			permanent: true,
		},
		"may create, but not get": {
			answer: func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					status(http.StatusForbidden, "pods is forbidden")(w, r)
					return
				}
				status(http.StatusInternalServerError, "error dialing backend: connection refused")(w, r)
			},
			want: "error dialing backend",
		},
		"the kubelet does not answer": {
			answer: status(http.StatusInternalServerError, "error dialing backend: dial tcp: connection refused"),
			want:   "error dialing backend",
		},
		"a proxy that knows neither protocol": {
			answer: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") },
			want:   "unable to upgrade connection",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			config := &rest.Config{Host: server.URL}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				t.Fatal(err)
			}
			e := NewExec(config, client, nil)
			e.pods = &calicoPods{listed: true, byNode: map[string]podRef{
				"n1": {namespace: "calico-system", name: "calico-node-1", running: true},
			}}
			_, err = e.Run(t.Context(), "n1", "SCRIPT")
			checkError(t, err, tt.want, tt.permanent)
		})
	}
}

// TestExecNamesLeadNowhereElse: a name that is none sends no request at all, least of all to another address.
func TestExecNamesLeadNowhereElse(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s", r.Method, r.URL)
	}))
	defer server.Close()
	config := &rest.Config{Host: server.URL}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []Container{
		{"ns", "pod/../../../secrets", "c"}, {"ns", "a/b", "c"}, {"ns", "..", "c"}, {"ns", "a%2fb", "c"}, {"ns/x", "pod", "c"}, {"..", "pod", "c"},
		{"ns", "", "c"},
	} {
		_, err := Output(t.Context(), Remote(config, client), c, []string{"sh"}, Limits{Timeout: time.Minute, Output: 100})
		if !IsPermanent(err) {
			t.Errorf("%v: got %v", c, err)
		}
	}
}

func status(code int, message string) http.HandlerFunc {
	reasons := map[int]metav1.StatusReason{http.StatusForbidden: metav1.StatusReasonForbidden}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"%s","reason":"%s","code":%d}`,
			message, reasons[code], code)
	}
}

// TestExecIsGivenUp: an API server that waits for a silent kubelet holds up nobody whose time is over before its own.
func TestExecIsGivenUp(t *testing.T) {
	asked, release := make(chan struct{}, 9), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	}))
	defer server.Close()
	defer close(release)
	config := &rest.Config{Host: server.URL}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, late := context.WithTimeout(t.Context(), time.Minute)
	defer late()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		<-asked
		cancel()
	}()
	err = Remote(config, client)(ctx, Container{"ns", "pod", "c"}, []string{"sh"},
		Streams{Stdout: io.Discard, Stderr: io.Discard})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
