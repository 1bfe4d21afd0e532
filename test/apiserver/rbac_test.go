//go:build apiserver

package apiserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/apiserver"
)

// rolesPage is the page whose roles are tested: what it says is what is applied.
const rolesPage = "../../docs/rbac.md"

// nodeNamespace is where the roles that are about nodes' tables are bound.
const nodeNamespace = metav1.NamespaceSystem

// commandLines are those of each command that need all that its role grants.
func commandLines() map[string][]string {
	lines := map[string][]string{
		"check":    {"check"},
		"graph":    {"graph -A"},
		"snapshot": {"snapshot /dev/null", "trace --dry-run", "diff demo"},
	}
	objects := map[inspect.Fact]string{
		inspect.FactNodes: inspecttest.Worker, inspect.FactPods: "-n kube-system calico-node-" + inspecttest.Worker,
		inspect.FactServices: inspecttest.ServiceDualStack,
	}
	for _, i := range cmd.Inspectors() {
		line := i.Name + " -o wide"
		if i.Namespaced {
			line += " -A"
		}
		lines[i.Name] = []string{line}
		if i.Named {
			lines[i.Name] = append(lines[i.Name], i.Name+" "+objects[i.Subject])
		}
	}
	return lines
}

// readNodes lists the commands that read the tables of nodes.
func readNodes() []string {
	all := []string{"check", "graph", "snapshot"}
	for _, i := range cmd.Inspectors() {
		if slices.Contains(i.Needs, inspect.FactTables) {
			all = append(all, i.Name)
		}
	}
	return all
}

// debugPods is the role of those who read nodes' tables in pods of their own.
const debugPods = "debug-pods"

// The roles that are bound in nodeNamespace, and the command lines that they are tested with.
func nodeRoles() map[string]string {
	return map[string]string{"node-tables": "fdb --node-access exec", debugPods: "fdb --node-access debug"}
}

// grant is what a user of the test has: roles by name, of which one may lack a permission.
type grant struct {
	tested        string             // the role that is tested
	cluster, node rbacv1.ClusterRole // bound everywhere, and in nodeNamespace
	lacks         string             // "verb resource.group", and the names of objects where the role has some; empty: nothing
	lines         []string
}

// user names the user of a grant.
func (g grant) user() string {
	if g.lacks == "" {
		return g.tested
	}
	return g.tested + "-without-" + strings.NewReplacer(" ", "-", "/", "-", ",", "-").Replace(g.lacks)
}

// TestRoles runs every command under exactly the role that the documentation gives it: it must say and print what it
// does for an administrator. Without any one of the role's permissions it must name that permission.
func TestRoles(t *testing.T) {
	c := startLab(t)
	roles := readRoles(t)
	grants := allGrants(t, roles)
	reader := grant{tested: "reader", cluster: rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "reader"}}}
	for _, command := range []string{"nodes", "pods", "services"} {
		for _, rule := range roles[command].Rules {
			if !slices.Contains(rule.Resources, "ippools") {
				reader.cluster.Rules = append(reader.cluster.Rules, rule)
			}
		}
	}
	c.bind(t, append(grants, reader))
	t.Run("reader", func(t *testing.T) { testReader(t, c, reader) })
	t.Run("trace without a way into pods", func(t *testing.T) { testTraceWithoutExec(t, c) })
	// A debug pod is a pod, and would be in what other commands show: those that make some come last.
	isDebug := func(g grant) bool { return g.tested == debugPods }
	t.Run("without debug pods", func(t *testing.T) { testGrants(t, c, slices.DeleteFunc(slices.Clone(grants), isDebug)) })
	t.Run("with debug pods", func(t *testing.T) {
		testGrants(t, c, slices.DeleteFunc(grants, func(g grant) bool { return !isDebug(g) }))
	})
}

// testGrants tests all grants at once.
func testGrants(t *testing.T, c *labCluster, grants []grant) {
	for _, g := range grants {
		t.Run(g.user(), func(t *testing.T) {
			t.Parallel()
			testGrant(t, c, g)
		})
	}
}

// unchecked matches the line that names rules whose facts may not be read.
var unchecked = regexp.MustCompile(`(?m)^not checked(?: on every node)?: .*: .*permission denied`)

func testGrant(t *testing.T, c *labCluster, g grant) {
	named := false
	for _, line := range g.lines {
		got, want := c.run(t, g.user(), line), c.run(t, "", line)
		if g.lacks == "" {
			if got != want {
				t.Errorf("%s\nas administrator: %s\nunder the role: %s", line, want, got)
			}
			continue
		}
		named = named || got.names(g.lacks)
		if strings.HasPrefix(line, "check") && got.code != exit.Error && !unchecked.MatchString(got.stdout) {
			t.Errorf("%s without %s does not say what it did not check: %s", line, g.lacks, got)
		}
		if got.code == exit.OK && got.stdout != want.stdout && !got.names(g.lacks) {
			t.Errorf("%s does not say what is missing: %s", line, got)
		}
	}
	if g.lacks != "" && !named {
		t.Errorf("none of %q names %q: the role grants too much, or a refusal is hushed up", g.lines, g.lacks)
	}
}

// testTraceWithoutExec has somebody trace who may read everything, and enter no pod but Calico's. The pod that it makes
// to be traced from stays for the tests of the roles.
func testTraceWithoutExec(t *testing.T, c *labCluster) {
	pods := c.client.CoreV1().Pods(metav1.NamespaceDefault)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "multitool"},
		Spec:       corev1.PodSpec{NodeName: inspecttest.Worker, Containers: []corev1.Container{{Name: "multitool", Image: "multitool"}}},
	}
	pod, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: "192.168.77.9", PodIPs: []corev1.PodIP{{IP: "192.168.77.9"}, {IP: "fd00:10:244:1b38:1133:7e2c:be1e:4d09"}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if dry := c.run(t, "snapshot", "trace --dry-run"); dry.code != exit.OK {
		t.Errorf("dry run: %s", dry)
	}
	got := c.run(t, "snapshot", "trace")
	if got.code != exit.Error || got.stdout != "" ||
		got.stderr != "error: cannot create pods/exec in namespace default: permission denied\n" {
		t.Errorf("want one line about pods/exec: %s", got)
	}
}

// testReader shows what somebody sees who may read pods, services and nodes, and nothing else.
func testReader(t *testing.T, c *labCluster, reader grant) {
	for command, lines := range commandLines() {
		got := c.run(t, reader.user(), lines[0])
		testutil.Golden(t, "reader-"+command+".golden", []byte(got.String()))
	}
}

// allGrants returns the grants to be tested: each role as it is, and without each of its permissions.
func allGrants(t *testing.T, roles map[string]rbacv1.ClusterRole) []grant {
	var grants []grant
	for command, lines := range commandLines() {
		full := grant{tested: command, cluster: roles[command], lines: lines}
		if slices.Contains(readNodes(), command) {
			full.node = roles["node-tables"]
		}
		grants = append(grants, full)
		for _, lacks := range permissions(full.cluster) {
			less := full
			less.cluster, less.lacks = without(full.cluster, lacks), lacks
			grants = append(grants, less)
		}
	}
	for name, line := range nodeRoles() {
		full := grant{tested: name, cluster: roles["fdb"], node: roles[name], lines: []string{line}}
		grants = append(grants, full)
		for _, lacks := range permissions(full.node) {
			less := full
			less.node, less.lacks = without(full.node, lacks), lacks
			grants = append(grants, less)
		}
	}
	for name, role := range roles {
		if commandLines()[name] == nil && nodeRoles()[name] == "" {
			t.Errorf("role %s is not tested", role.Name)
		}
	}
	return grants
}

// readRoles returns the roles of the page by the name of what they are for.
func readRoles(t *testing.T) map[string]rbacv1.ClusterRole {
	t.Helper()
	page, err := os.ReadFile(rolesPage)
	if err != nil {
		t.Fatal(err)
	}
	roles := map[string]rbacv1.ClusterRole{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1) {
		for _, document := range bytes.Split(block[1], []byte("---\n")) {
			var role rbacv1.ClusterRole
			if err := yaml.UnmarshalStrict(document, &role); err != nil {
				t.Fatalf("%s: %v\n%s", rolesPage, err, document)
			}
			name, ok := strings.CutPrefix(role.Name, "dualstack-")
			if !ok || role.Kind != "ClusterRole" {
				t.Fatalf("%s: unexpected %s %s", rolesPage, role.Kind, role.Name)
			}
			roles[name] = role
		}
	}
	for name := range commandLines() {
		if _, ok := roles[name]; !ok {
			t.Fatalf("%s has no role dualstack-%s", rolesPage, name)
		}
	}
	return roles
}

// permissions lists what a role grants.
func permissions(role rbacv1.ClusterRole) []string {
	var all []string
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				all = append(all, permission(verb, resource, rule))
			}
		}
	}
	return all
}

func permission(verb, resource string, rule rbacv1.PolicyRule) string {
	return strings.TrimSpace(strings.TrimSuffix(verb+" "+resource+"."+rule.APIGroups[0], ".") + " " + strings.Join(rule.ResourceNames, ","))
}

// without returns a role without a permission.
func without(role rbacv1.ClusterRole, lacks string) rbacv1.ClusterRole {
	less := *role.DeepCopy()
	less.Rules = nil
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			single := *rule.DeepCopy()
			single.Resources = []string{resource}
			single.Verbs = slices.DeleteFunc(single.Verbs, func(verb string) bool {
				return permission(verb, resource, rule) == lacks
			})
			if len(single.Verbs) > 0 {
				less.Rules = append(less.Rules, single)
			}
		}
	}
	return less
}

// outcome is what a run of the program gave.
type outcome struct {
	code           int
	stdout, stderr string
}

func (o outcome) String() string {
	return fmt.Sprintf("exit code %d\n%s--- stderr\n%s", o.code, o.stdout, o.stderr)
}

// names reports whether a line of the output says that a permission is missing, in our words or in kubectl's.
func (o outcome) names(permission string) bool {
	words := strings.Fields(permission) // of the objects' names nothing is said
	verb, resource := words[0], words[1]
	name, group, _ := strings.Cut(resource, ".")
	ours := regexp.MustCompile(`(?m)^Warning: .*cannot ` + regexp.QuoteMeta(verb+" "+resource) + `( in .*)?: permission denied$`)
	kubectls := regexp.MustCompile(fmt.Sprintf(`(?m)^Error from server \(Forbidden\): .* cannot %s resource "%s" in API group "%s" `,
		verb, name, group))
	return ours.MatchString(o.stderr) || o.code == exit.Error && kubectls.MatchString(o.stderr)
}

// labCluster is an API server with the objects of the lab, and a kubelet that has its tables.
type labCluster struct {
	server     *apiserver.Server
	client     kubernetes.Interface
	kubeconfig string
	debugPods  sync.Map // the node of each debug pod, by the pod's name
}

func startLab(t *testing.T) *labCluster {
	t.Helper()
	bin, crds := requirements(t)
	lab := inspecttest.Lab()
	answer, err := apiserver.Answers(lab)
	if err != nil {
		t.Fatal(err)
	}
	c := &labCluster{}
	kubelet := apiserver.StartKubelet(func(pod string) ([]byte, error) {
		if node, ok := c.debugPods.Load(pod); ok {
			pod = "calico-node-" + node.(string)
		}
		return answer(pod)
	}, 0)
	t.Cleanup(kubelet.Stop)
	if c.server, err = apiserver.Start(t.Context(), bin, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.server.Stop)
	objects, err := apiserver.Objects(lab, kubelet.Port())
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(c.server.LoadDefinitions(t.Context(), crds), c.server.LoadDefinitions(t.Context(), "testdata/definitions"),
		c.server.Create(t.Context(), objects...))
	if err != nil {
		t.Fatal(err)
	}
	if c.client, err = kubernetes.NewForConfig(c.server.Config); err != nil {
		t.Fatal(err)
	}
	if c.kubeconfig, err = c.server.Kubeconfig(""); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", c.kubeconfig)
	go c.runDebugPods(t.Context())
	return c
}

// runDebugPods makes every debug pod end well, as its node's kubelet would, until ctx ends.
func (c *labCluster) runDebugPods(ctx context.Context) {
	pods := c.client.CoreV1().Pods(nodeNamespace)
	for ctx.Err() == nil {
		w, err := pods.Watch(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/managed-by=kubectl-dualstack"})
		if err != nil {
			continue
		}
		for event := range w.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok || pod.Status.Phase == corev1.PodSucceeded {
				continue
			}
			c.debugPods.Store(pod.Name, pod.Spec.NodeName)
			pod.Status.Phase = corev1.PodSucceeded
			_, _ = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{}) // it may be gone already
		}
	}
}

// run runs a command line of the program as a user; the empty one may do everything.
func (c *labCluster) run(t *testing.T, user, line string) outcome {
	t.Helper()
	args := append([]string{"kubectl-dualstack"}, strings.Fields(line)...)
	if user != "" {
		args = append(args, "--as", user)
	}
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	code := cmd.Run(t.Context(), args, streams)
	return outcome{code: code, stdout: out.String(), stderr: errOut.String()}
}

// bind makes the roles of each grant and binds them to its user, and returns when the server goes by them.
func (c *labCluster) bind(t *testing.T, grants []grant) {
	t.Helper()
	ctx, rbac := t.Context(), c.client.RbacV1()
	for _, g := range grants {
		meta := metav1.ObjectMeta{Name: g.user()}
		subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: g.user()}}
		for _, role := range []rbacv1.ClusterRole{g.cluster, g.node} {
			if role.Name == "" {
				continue
			}
			everywhere := role.Name == g.cluster.Name
			role.Name = g.user() + "." + role.Name
			ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name}
			_, err := rbac.ClusterRoles().Create(ctx, &role, metav1.CreateOptions{})
			if everywhere {
				binding := &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
				_, bindErr := rbac.ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
				err = errors.Join(err, bindErr)
			} else {
				binding := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
				_, bindErr := rbac.RoleBindings(nodeNamespace).Create(ctx, binding, metav1.CreateOptions{})
				err = errors.Join(err, bindErr)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, g := range grants {
		c.awaitGrant(t, g)
	}
}

// awaitGrant waits until the server knows of a grant: it learns of roles and bindings by watching them.
func (c *labCluster) awaitGrant(t *testing.T, g grant) {
	t.Helper()
	for namespace, role := range map[string]rbacv1.ClusterRole{"": g.cluster, nodeNamespace: g.node} {
		if len(role.Rules) == 0 {
			continue
		}
		rule := role.Rules[0]
		resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
		attributes := &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: rule.Verbs[0], Group: rule.APIGroups[0], Resource: resource, Subresource: subresource,
		}
		if len(rule.ResourceNames) > 0 {
			attributes.Name = rule.ResourceNames[0]
		}
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: g.user(), ResourceAttributes: attributes,
		}}
		allowed := func(ctx context.Context) (bool, error) {
			answer, err := c.client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			return err == nil && answer.Status.Allowed, err
		}
		err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, allowed)
		if err != nil {
			t.Fatalf("wait for the grant of %s: %v", g.user(), err)
		}
	}
}
