package gather

import (
	"context"
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func (g *gatherer) readServices(ctx context.Context) error {
	names, selector := g.req.subject(inspect.FactServices)
	api := g.cluster.Kubernetes.CoreV1().Services(g.req.Namespace)
	var all []inspect.Service
	for _, name := range names {
		service, err := api.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return errorf("get", "services", g.req.Namespace, err)
		}
		all = append(all, readService(service))
	}
	if len(names) == 0 {
		opts := metav1.ListOptions{LabelSelector: selector}
		err := eachItem(ctx, api.List, opts, func(service *corev1.Service) error {
			all = append(all, readService(service))
			return nil
		})
		if err != nil {
			return errorf("list", "services", g.req.Namespace, err)
		}
	}
	g.snap.Services = all
	return nil
}

// readService keeps the fields of a service that we use.
func readService(s *corev1.Service) inspect.Service {
	service := inspect.Service{
		Namespace:    s.Namespace,
		Name:         s.Name,
		Labels:       s.Labels,
		Type:         string(s.Spec.Type),
		Headless:     s.Spec.ClusterIP == corev1.ClusterIPNone,
		Selector:     s.Spec.Selector,
		ExternalName: s.Spec.ExternalName,

		InternalTrafficPolicy: string(deref(s.Spec.InternalTrafficPolicy)),
		ExternalTrafficPolicy: string(s.Spec.ExternalTrafficPolicy),
		LoadBalancerClass:     deref(s.Spec.LoadBalancerClass),
	}
	for _, ip := range s.Spec.ExternalIPs {
		service.ExternalIPs = append(service.ExternalIPs, parseAddrs(ip)...)
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		service.Ingress = append(service.Ingress, parseAddrs(in.IP)...)
		if in.Hostname != "" {
			service.IngressNames = append(service.IngressNames, in.Hostname)
		}
	}
	if s.Spec.IPFamilyPolicy != nil {
		service.IPFamilyPolicy = string(*s.Spec.IPFamilyPolicy)
	}
	for _, name := range s.Spec.IPFamilies {
		if family, err := inspect.ParseFamily(string(name)); err == nil && family != 0 {
			service.IPFamilies = append(service.IPFamilies, family)
		}
	}
	for _, ip := range s.Spec.ClusterIPs {
		if addr, err := netip.ParseAddr(ip); err == nil {
			service.ClusterIPs = append(service.ClusterIPs, addr.Unmap())
		}
	}
	for _, p := range s.Spec.Ports {
		port := inspect.ServicePort{Name: p.Name, Protocol: string(p.Protocol), Port: p.Port, NodePort: p.NodePort,
			AppProtocol: deref(p.AppProtocol)}
		if target := p.TargetPort.String(); target != "0" {
			port.TargetPort = target
		}
		service.Ports = append(service.Ports, port)
	}
	return service
}

func (g *gatherer) readEndpointSlices(ctx context.Context) error {
	opts := metav1.ListOptions{}
	if names, _ := g.req.subject(inspect.FactServices); len(names) > 0 {
		opts.LabelSelector = discoveryv1.LabelServiceName + " in (" + strings.Join(names, ",") + ")"
	}
	var all []inspect.EndpointSlice
	api := g.cluster.Kubernetes.DiscoveryV1().EndpointSlices(g.req.Namespace)
	err := eachItem(ctx, api.List, opts, func(slice *discoveryv1.EndpointSlice) error {
		all = append(all, readEndpointSlice(slice))
		return nil
	})
	if err != nil {
		return errorf("list", "endpointslices.discovery.k8s.io", g.req.Namespace, err)
	}
	g.snap.EndpointSlices = all
	return nil
}

// readEndpointSlice keeps the fields of a slice that we use. A slice of host names (addressType FQDN) has no family and no addresses.
func readEndpointSlice(s *discoveryv1.EndpointSlice) inspect.EndpointSlice {
	slice := inspect.EndpointSlice{Namespace: s.Namespace, Name: s.Name, Service: s.Labels[discoveryv1.LabelServiceName]}
	changed, err := time.Parse(time.RFC3339Nano, s.Annotations[corev1.EndpointsLastChangeTriggerTime])
	if err != nil || changed.Before(s.CreationTimestamp.Time) {
		changed = s.CreationTimestamp.Time
	}
	slice.Settling = time.Since(changed) < inspect.Settled
	switch s.AddressType {
	case discoveryv1.AddressTypeIPv4:
		slice.Family = inspect.IPv4
	case discoveryv1.AddressTypeIPv6:
		slice.Family = inspect.IPv6
	}
	for _, p := range s.Ports {
		slice.Ports = append(slice.Ports, inspect.EndpointPort{
			Name: deref(p.Name), Protocol: string(deref(p.Protocol)), Port: deref(p.Port),
		})
	}
	for _, e := range s.Endpoints {
		endpoint := inspect.Endpoint{
			Ready: e.Conditions.Ready == nil || *e.Conditions.Ready,
			Ends:  deref(e.Conditions.Terminating) && deref(e.Conditions.Serving),
			Node:  deref(e.NodeName),
		}
		if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
			endpoint.Pod = e.TargetRef.Name
		}
		for _, address := range e.Addresses {
			if addr := parseAddr(address, slice.Family); addr.IsValid() {
				endpoint.Addresses = append(endpoint.Addresses, addr)
			}
		}
		slice.Endpoints = append(slice.Endpoints, endpoint)
	}
	return slice
}

// deref returns the value at p, or the zero value.
func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
