package fabric

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// CEOS is the name of the kind of switch that is Arista cEOS.
const CEOS = "ceos"

// defaultCEOSImage is the name of the image in exported files, unless one is given.
const defaultCEOSImage = "ceos:4.34.0F"

// ceosKind is Arista cEOS.
type ceosKind struct{}

func (ceosKind) Name() string { return CEOS }

func (ceosKind) Title() string { return "cEOS" }

func (ceosKind) New(rt container.Runtime, l spec.Lab, image string) Switch {
	return &ceosSwitch{runtime: rt, lab: l, image: image}
}

// Image takes the newest image named ceos unless one is given.
func (ceosKind) Image(ctx context.Context, rt container.Runtime, asked, _ string) (string, error) {
	if asked == "" {
		images, err := rt.Images(ctx, "ceos*")
		if err != nil {
			return "", fmt.Errorf("look for a cEOS image: %w", err)
		}
		if len(images) > 0 {
			asked = images[0]
		}
	}
	if asked != "" {
		if have, err := rt.HasImage(ctx, asked); err != nil {
			return "", fmt.Errorf("look for the image %s: %w", asked, err)
		} else if have {
			return asked, nil
		}
	}
	return "", missingImage(fmt.Sprintf("the cEOS image is not on this Docker host and cannot be pulled: download cEOS-lab from Arista "+
		"(it takes a login), then: %s import cEOS64-lab-4.34.0F.tar.xz %s; or use --switch %s", rt.Name(), defaultCEOSImage, Linux))
}

func (ceosKind) File(l spec.Lab) (render.File, error) {
	text, err := render.EOS(l)
	return render.File{Path: ceosFile, Title: "startup-config: the switch, where it is cEOS", Text: text}, err
}

// ceosFile is the path of the startup configuration in an export.
const ceosFile = "startup-configs/ceos01-startup-config.config"

func (ceosKind) Topology(asked, _ string) render.TopologySwitch {
	image := cmp.Or(asked, defaultCEOSImage)
	return render.TopologySwitch{Name: "ceos01", Kind: "arista_ceos", Image: image, Startup: ceosFile,
		Note: "The image of the\nswitch cannot be pulled: it is downloaded from Arista, and imported with `docker import cEOS64-lab-VERSION.tar.xz " + image + "`."}
}

// ceosSwitch is an Arista cEOS container. Its image cannot be pulled (Arista wants a login), so the tests cover its configuration,
// its command lines and the reading of its JSON, but not the switch itself.
type ceosSwitch struct {
	runtime container.Runtime
	lab     spec.Lab
	image   string
}

// ceosEnv tells cEOS that it is a container; systemd passes the same on to the agents.
func ceosEnv() []string {
	return []string{
		"CEOS=1", "EOS_PLATFORM=ceoslab", "container=docker", "ETBA=1", "SKIP_ZEROTOUCH_BARRIER_IN_SYSDBINIT=1", "INTFTYPE=eth",
	}
}

func (s *ceosSwitch) Create(ctx context.Context, r record.Record) error {
	labels, err := r.Labels()
	if err != nil {
		return err
	}
	err = s.runtime.Create(ctx, container.Spec{
		Name: s.lab.SwitchName(), Hostname: s.lab.SwitchName(), Image: s.image, Labels: labels, Env: ceosEnv(), Network: "none", Privileged: true,
		Restart: "on-failure:1", Entrypoint: "bash", Args: []string{"-c", s.boot()},
	})
	if err != nil {
		return err
	}
	flash, err := s.flash()
	if err != nil {
		return err
	}
	if err := s.runtime.CopyTo(ctx, s.lab.SwitchName(), "/mnt/flash", flash); err != nil {
		return fmt.Errorf("copy the startup configuration to %s: %w", s.lab.SwitchName(), err)
	}
	return s.runtime.Start(ctx, s.lab.SwitchName())
}

// boot is the shell line that starts EOS once the last port is there: EOS looks for its ports only while it boots.
func (s *ceosSwitch) boot() string {
	nodes := s.lab.Nodes()
	init := "exec /sbin/init"
	for _, e := range ceosEnv() {
		init += " systemd.setenv=" + e
	}
	return fmt.Sprintf("until [ -e /sys/class/net/%s ]; do sleep 0.2; done; %s", nodes[len(nodes)-1].Port, init)
}

// flash returns the files for the switch's flash as a tar stream.
func (s *ceosSwitch) flash() (*bytes.Buffer, error) {
	config, err := render.EOS(s.lab)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err = w.WriteHeader(&tar.Header{Name: "startup-config", Mode: 0o644, Size: int64(len(config)), Typeflag: tar.TypeReg})
	if err == nil {
		_, err = w.Write([]byte(config))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("pack the startup configuration: %w", err)
	}
	return &b, nil
}

// Configure does nothing: the startup configuration has been there since before the boot.
func (s *ceosSwitch) Configure(context.Context) error { return nil }

func (s *ceosSwitch) Ready(ctx context.Context) error {
	interfaces, err := s.Interfaces(ctx)
	if err != nil {
		return err
	}
	routes, err := s.Routes(ctx)
	if err != nil {
		return err
	}
	return problemsError("switch "+s.lab.SwitchName(), checkSwitch(s.lab, interfaces, routes))
}

// answerTimeout is how long EOS may take to answer. Its command line is slow to start, and hangs where an agent does.
const answerTimeout = 20 * time.Second

// show runs a command of the switch's own command line and reads the JSON that it prints.
func (s *ceosSwitch) show(ctx context.Context, command string, v any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTimeout, fmt.Errorf("no answer for %s", answerTimeout))
	defer cancel()
	out, err := s.runtime.Exec(ctx, s.lab.SwitchName(), nil, "Cli", "-p", "15", "-c", command+" | json")
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // more than that the command was killed
	}
	if err != nil {
		return fmt.Errorf("%q on %s: %w", command, s.lab.SwitchName(), err)
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("%q on %s: read its JSON: %w", command, s.lab.SwitchName(), err)
	}
	return nil
}

// eosLinks is the model of "show interfaces" (the keys are EOS's).
type eosLinks struct {
	Interfaces map[string]struct {
		LineProtocolStatus string `json:"lineProtocolStatus"`
		MTU                int    `json:"mtu"`
		PhysicalAddress    string `json:"physicalAddress"`
	} `json:"interfaces"`
}

// eosInterfaces is the model of "show ip interface brief" and "show ipv6 interface".
type eosInterfaces struct {
	Interfaces map[string]struct {
		InterfaceAddress struct {
			IPAddr struct {
				Address string `json:"address"`
				MaskLen int    `json:"maskLen"`
			} `json:"ipAddr"`
		} `json:"interfaceAddress"`
		Addresses []struct {
			Address string `json:"address"`
			Subnet  string `json:"subnet"`
		} `json:"addresses"`
	} `json:"interfaces"`
}

func (s *ceosSwitch) Interfaces(ctx context.Context) ([]Interface, error) {
	var links eosLinks
	if err := s.show(ctx, "show interfaces", &links); err != nil {
		return nil, err
	}
	addresses := map[string][]netip.Prefix{}
	for _, command := range []string{"show ip interface brief", "show ipv6 interface"} {
		var raw eosInterfaces
		if err := s.show(ctx, command, &raw); err != nil {
			return nil, err
		}
		for name, r := range raw.Interfaces {
			if a, err := netip.ParseAddr(r.InterfaceAddress.IPAddr.Address); err == nil && !a.IsUnspecified() {
				addresses[name] = append(addresses[name], netip.PrefixFrom(a, r.InterfaceAddress.IPAddr.MaskLen))
			}
			for _, x := range r.Addresses {
				a, err := netip.ParseAddr(x.Address)
				subnet, err2 := netip.ParsePrefix(x.Subnet)
				if err == nil && err2 == nil {
					addresses[name] = append(addresses[name], netip.PrefixFrom(a, subnet.Bits()))
				}
			}
		}
	}
	all := make([]Interface, 0, len(links.Interfaces))
	for name, l := range links.Interfaces {
		all = append(all, Interface{Name: name, Up: l.LineProtocolStatus == "up", MTU: l.MTU, MAC: parseMAC(l.PhysicalAddress), Addresses: addresses[name]})
	}
	slices.SortFunc(all, func(a, b Interface) int { return compareNumbered(a.Name, b.Name) })
	return all, nil
}

// compareNumbered orders names of interfaces as people count them: Ethernet2 before Ethernet10.
func compareNumbered(a, b string) int {
	const digits = "0123456789"
	x, y := strings.TrimRight(a, digits), strings.TrimRight(b, digits)
	return cmp.Or(cmp.Compare(x, y), cmp.Compare(len(a)-len(x), len(b)-len(y)), cmp.Compare(a, b))
}

// eosRoutes is the model of "show ip route" and "show ipv6 route": IPv6 routes were outside of "vrfs" for long.
type eosRoutes struct {
	eosRouteTable
	VRFs map[string]eosRouteTable `json:"vrfs"`
}

type eosRouteTable struct {
	Routes map[string]struct {
		RouteType string `json:"routeType"`
		Vias      []struct {
			NexthopAddr string `json:"nexthopAddr"`
			Interface   string `json:"interface"`
		} `json:"vias"`
	} `json:"routes"`
}

func (s *ceosSwitch) Routes(ctx context.Context) ([]Route, error) {
	var all []Route
	for _, command := range []string{"show ip route", "show ipv6 route"} {
		var raw eosRoutes
		if err := s.show(ctx, command, &raw); err != nil {
			return nil, err
		}
		for _, table := range []eosRouteTable{raw.eosRouteTable, raw.VRFs["default"]} {
			for dst, r := range table.Routes {
				prefix, err := netip.ParsePrefix(dst)
				if err != nil {
					continue
				}
				route := Route{Destination: prefix, Kind: strings.ToLower(r.RouteType)}
				if len(r.Vias) > 0 {
					route.Interface = r.Vias[0].Interface
					route.Via, _ = netip.ParseAddr(r.Vias[0].NexthopAddr)
				}
				all = append(all, route)
			}
		}
	}
	sortRoutes(all)
	return all, nil
}
