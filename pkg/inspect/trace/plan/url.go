package plan

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// page is what a URL asks for at its host. Only a page by HTTP is asked for: of HTTPS, which the tools in pods may not trust, a
// connection tests the way.
type page struct {
	port uint16
	path string // with the query; empty with HTTPS
	tls  bool
}

// check names the probe of a page.
func (g *page) check() string {
	if g.tls {
		return fmt.Sprintf("tcp-%d", g.port)
	}
	return fmt.Sprintf("http-%d", g.port)
}

// protocol is the page's as an application protocol of a port.
func (g *page) protocol() string {
	if g.tls {
		return "https"
	}
	return "http"
}

// parseURL reads a target such as http://NAME:PORT/PATH. The host is read as any other target.
func parseURL(s *inspect.Snapshot, text, domain string) (*Target, error) {
	u, err := url.Parse(text)
	const brackets = "target %q: an IPv6 address of a URL is in brackets, http://[2001:db8::1]/"
	switch {
	case err != nil && strings.Count(text, ":") > 2 && !strings.Contains(text, "["):
		return nil, fmt.Errorf(brackets, text)
	case err != nil:
		return nil, fmt.Errorf("target %q is not a URL that can be read", text)
	}
	g := &page{tls: u.Scheme == "https"}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("target %q: use http:// or https://, an address or a name", text)
	case u.User != nil:
		return nil, fmt.Errorf("target %q: leave out the user: nothing but the way is tested", text)
	case u.Hostname() == "":
		return nil, fmt.Errorf("target %q has no host", text)
	case strings.Contains(u.Host, "[") != strings.Contains(u.Hostname(), ":"):
		return nil, fmt.Errorf(brackets, text)
	}
	port, err := strconv.ParseUint(urlPort(u), 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("target %q: %q is not a port", text, u.Port())
	}
	g.port = uint16(port)
	if !g.tls {
		g.path = u.EscapedPath()
		if g.path == "" {
			g.path = "/"
		}
		if u.RawQuery != "" {
			g.path += "?" + u.RawQuery
		}
	}
	if !isPlain(g.path) {
		return nil, fmt.Errorf("target %q: write what is not plain ASCII in it as %%XX", text)
	}
	t, err := ParseTarget(s, u.Hostname(), "", domain)
	if err != nil {
		return nil, err
	}
	t.page = g
	if t.Kind == trace.Svc {
		svc := findService(s, t.Namespace, t.Name)
		if one := onPort(svc, g); len(one.Ports) == 0 {
			return nil, fmt.Errorf("target %q: service %s has no TCP port %d", text, svc.Name, g.port)
		}
	}
	return t, nil
}

// isPlain reports whether a path is what a URL may have, and so a safe argument of any tool.
func isPlain(path string) bool {
	return !strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("\"'`\\<>{}|^", c) })
}

func urlPort(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case strings.HasSuffix(u.Host, ":"):
		return ""
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// onPort is a service with the page's port alone.
func onPort(svc *inspect.Service, g *page) *inspect.Service {
	one := *svc
	one.Ports = slices.DeleteFunc(slices.Clone(svc.Ports), func(p inspect.ServicePort) bool { return p.Port != int32(g.port) || !isTCP(p.Protocol) })
	for i := range one.Ports {
		one.Ports[i].AppProtocol = g.protocol()
	}
	return &one
}

// toPage plans the request for a page at an address of a pod, a node or the outside.
func (p *planner) toPage(c trace.Class, f inspect.Family, source, target trace.Endpoint, label string) {
	g := p.page
	if g == nil || p.lacking(f, source, target) != "" {
		return
	}
	path := newPath(c, f, source, target)
	path.Target.Port = g.port
	path.Probe = p.connect(target.IP, g.port, !g.tls)
	p.follow(&path)
	p.put(path, label, g.check())
}
