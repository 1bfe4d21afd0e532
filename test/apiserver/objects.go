package apiserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

// Load creates the objects of all YAML files of a folder, in the order of the files' names, with their status: no
// controller sets it.
func (s *Server) Load(ctx context.Context, dir string) error {
	objects, err := readDir(dir)
	if err != nil {
		return err
	}
	return s.Create(ctx, objects...)
}

// LoadDefinitions creates the CustomResourceDefinitions among the objects of a folder, each once, and waits until their
// resources are served. Calico's folder of manifests will do, and so will a folder of definitions only.
func (s *Server) LoadDefinitions(ctx context.Context, dir string) error {
	objects, err := readDir(dir)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	definitions := slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool {
		repeated := seen[o.GetName()]
		isDefinition := o.GetKind() == definitionKind
		seen[o.GetName()] = repeated || isDefinition
		return repeated || !isDefinition
	})
	if len(definitions) == 0 {
		return fmt.Errorf("%s: there are no definitions of resources", dir)
	}
	return s.Create(ctx, definitions...)
}

// definitionKind is the kind whose objects define further kinds.
const definitionKind = "CustomResourceDefinition"

// Create creates objects with their status. An owner reference without a UID gets the owner's. The owner must be one of
// the earlier objects.
func (s *Server) Create(ctx context.Context, objects ...*unstructured.Unstructured) error {
	client, err := dynamic.NewForConfig(s.Config)
	if err != nil {
		return err
	}
	mapper, err := s.mapper()
	if err != nil {
		return err
	}
	created := map[string]types.UID{}
	for _, o := range objects {
		owners := o.GetOwnerReferences()
		for i := range owners {
			owners[i].UID = cmp.Or(owners[i].UID, created[owners[i].Kind+"/"+owners[i].Name])
		}
		o.SetOwnerReferences(owners)
		gvk := o.GroupVersionKind()
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if meta.IsNoMatchError(err) { // its definition may be new
			mapper.Reset()
			mapping, err = mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		}
		if err != nil {
			return err
		}
		uid, err := create(ctx, client.Resource(mapping.Resource).Namespace(o.GetNamespace()), o)
		if err != nil {
			return fmt.Errorf("create %s %s: %w", gvk.Kind, o.GetName(), err)
		}
		created[gvk.Kind+"/"+o.GetName()] = uid
	}
	return nil
}

func create(ctx context.Context, resource dynamic.ResourceInterface, o *unstructured.Unstructured) (types.UID, error) {
	created, err := resource.Create(ctx, o, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		created, err = resource.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return created.GetUID(), nil
	}
	if err != nil {
		return "", err
	}
	if o.GetKind() == definitionKind {
		return created.GetUID(), waitEstablished(ctx, resource, o.GetName())
	}
	if o.Object["status"] == nil {
		return created.GetUID(), nil
	}
	created.Object["status"] = o.Object["status"]
	_, err = resource.UpdateStatus(ctx, created, metav1.UpdateOptions{})
	return created.GetUID(), err
}

// waitEstablished waits until the server serves the resource of a definition.
func waitEstablished(ctx context.Context, resource dynamic.ResourceInterface, name string) error {
	established := func(ctx context.Context) (bool, error) {
		crd, err := resource.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
		return slices.ContainsFunc(conditions, func(c any) bool {
			condition, ok := c.(map[string]any)
			return ok && condition["type"] == "Established" && condition["status"] == "True"
		}), nil
	}
	return wait.PollUntilContextTimeout(ctx, pollInterval, startTimeout, true, established)
}

func (s *Server) mapper() (*restmapper.DeferredDiscoveryRESTMapper, error) {
	client, err := discovery.NewDiscoveryClientForConfig(s.Config)
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client)), nil
}

// readDir reads all documents of all YAML files of a folder.
func readDir(dir string) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all []*unstructured.Unstructured
	for _, file := range files {
		objects, err := readObjects(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, objects...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: there are no objects in YAML files", dir)
	}
	return all, nil
}

// readObjects reads all documents of a YAML file.
func readObjects(path string) ([]*unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(o.Object) > 0 {
			objects = append(objects, o)
		}
	}
}
