//go:build bench

package scale

import (
	"encoding/json"
	"fmt"
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// How many pods there are, on how many nodes.
const (
	podCount  = 50_000
	nodeCount = 200
)

// namespaceSizes is how many pods the namespaces have, in turn: many small ones and some large, as clusters do.
func namespaceSizes() []int { return []int{200, 50, 1000, 100, 2500, 30, 400, 720} }

// syntheticPods are pods as a Deployment on Calico makes them, with all that an API server keeps of such: status,
// conditions, and who set which field.
func syntheticPods() iter.Seq[*corev1.Pod] {
	return func(yield func(*corev1.Pod) bool) {
		sizes := namespaceSizes()
		fields := managedFields(syntheticPod(0, 0)) // the same for all
		for i, namespace := 0, 0; i < podCount; namespace++ {
			for range sizes[namespace%len(sizes)] {
				pod := syntheticPod(i, namespace)
				pod.ManagedFields = fields
				if i == podCount || !yield(pod) {
					return
				}
				i++
			}
		}
	}
}

func syntheticPod(i, namespace int) *corev1.Pod {
	created := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	v4 := fmt.Sprintf("10.%d.%d.%d", 128+i>>16, i>>8&0xff, i&0xff)
	v6 := fmt.Sprintf("fd00:10:244::%x:%x", i>>16, i&0xffff)
	app := fmt.Sprintf("app-%03d", i/10)
	yes := true
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: fmt.Sprintf("team-%03d", namespace), Name: fmt.Sprintf("%s-7d4b9c6f5d-%05d", app, i),
			GenerateName:      app + "-7d4b9c6f5d-",
			UID:               types.UID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)),
			CreationTimestamp: created,
			Labels: map[string]string{"app.kubernetes.io/name": app, "app.kubernetes.io/part-of": "shop",
				"pod-template-hash": "7d4b9c6f5d"},
			Annotations: map[string]string{
				"cni.projectcalico.org/containerID": fmt.Sprintf("%064x", i),
				"cni.projectcalico.org/podIP":       v4 + "/32",
				"cni.projectcalico.org/podIPs":      v4 + "/32," + v6 + "/128",
			},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-7d4b9c6f5d",
				UID: types.UID(fmt.Sprintf("00000000-0000-4000-9000-%012d", i/10)), Controller: &yes, BlockOwnerDeletion: &yes}},
		},
		Spec: syntheticSpec(fmt.Sprintf("node-%04d", i%nodeCount)),
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, HostIP: "172.16.0.1", PodIP: v4, PodIPs: []corev1.PodIP{{IP: v4}, {IP: v6}},
			StartTime: &created, QOSClass: corev1.PodQOSBurstable,
			ContainerStatuses: []corev1.ContainerStatus{{
				Name: "main", Ready: true, Started: &yes, Image: "registry.example/shop/app:1.2.3",
				ImageID:     "registry.example/shop/app@sha256:" + fmt.Sprintf("%064x", i%50),
				ContainerID: "containerd://" + fmt.Sprintf("%064x", i),
				State:       corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: created}},
			}},
		},
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized, corev1.PodReady,
		corev1.ContainersReady, corev1.PodScheduled} {
		pod.Status.Conditions = append(pod.Status.Conditions,
			corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: created})
	}
	return pod
}

func syntheticSpec(node string) corev1.PodSpec {
	no, seconds, mode := false, int64(30), int32(0o644)
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
		Path: "/healthz", Port: intstr.FromInt32(8080), Scheme: corev1.URISchemeHTTP}}, PeriodSeconds: 10, FailureThreshold: 3}
	quantities := func(cpu, memory string) corev1.ResourceList {
		return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
	}
	token := "kube-api-access-x7k2p"
	return corev1.PodSpec{
		NodeName: node, ServiceAccountName: "default", RestartPolicy: corev1.RestartPolicyAlways,
		DNSPolicy: corev1.DNSClusterFirst, SchedulerName: corev1.DefaultSchedulerName,
		TerminationGracePeriodSeconds: &seconds, EnableServiceLinks: &no, SecurityContext: &corev1.PodSecurityContext{},
		Tolerations: []corev1.Toleration{
			{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
			{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
		},
		Volumes: []corev1.Volume{{Name: token, VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{DefaultMode: &mode}}}},
		Containers: []corev1.Container{{
			Name: "main", Image: "registry.example/shop/app:1.2.3", ImagePullPolicy: corev1.PullIfNotPresent,
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080, Protocol: corev1.ProtocolTCP}},
			Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}, {Name: "DATABASE_URL", Value: "postgres://db.shop.svc/shop"},
				{Name: "POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{
					APIVersion: "v1", FieldPath: "status.podIP"}}}},
			Resources:     corev1.ResourceRequirements{Requests: quantities("100m", "128Mi"), Limits: quantities("1", "512Mi")},
			LivenessProbe: probe, ReadinessProbe: probe,
			VolumeMounts:             []corev1.VolumeMount{{Name: token, ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}},
			TerminationMessagePath:   corev1.TerminationMessagePathDefault,
			TerminationMessagePolicy: corev1.TerminationMessageReadFile,
		}},
	}
}

// managedFields notes of every field of a pod that it was set, the spec by the controller and the status by the kubelet.
func managedFields(pod *corev1.Pod) []metav1.ManagedFieldsEntry {
	entry := func(manager, subresource string, part any) metav1.ManagedFieldsEntry {
		raw, err := json.Marshal(part)
		if err != nil {
			panic(err)
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			panic(err)
		}
		if raw, err = json.Marshal(fieldSet(value)); err != nil {
			panic(err)
		}
		return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "v1",
			Time: &pod.CreationTimestamp, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(raw)), Subresource: subresource}
	}
	return []metav1.ManagedFieldsEntry{
		entry("kube-controller-manager", "", map[string]any{"metadata": pod.Labels, "spec": pod.Spec}),
		entry("kubelet", "status", map[string]any{"status": pod.Status}),
	}
}

// fieldSet is the set of a value's fields, as the API server writes it.
func fieldSet(value any) map[string]any {
	set := map[string]any{}
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			set["f:"+key] = fieldSet(field)
		}
	case []any:
		for _, item := range v {
			inner := fieldSet(item)
			inner["."] = map[string]any{}
			set[fmt.Sprintf("k:{\"name\":\"%d\"}", len(set))] = inner
		}
	}
	return set
}
