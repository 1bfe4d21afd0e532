package nodetables

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

type linkRow struct {
	Index    int    `json:"ifindex"`
	Name     string `json:"ifname"`
	Flags    flags  `json:"flags"`
	MTU      int    `json:"mtu"`
	LinkType string `json:"link_type"`
	Address  string `json:"address"`
	Info     struct {
		Kind string          `json:"info_kind"`
		Data json.RawMessage `json:"info_data"` // its meaning depends on the kind
	} `json:"linkinfo"`
	Stats struct {
		RX struct {
			Packets uint64 `json:"packets"`
		} `json:"rx"`
		TX struct {
			Packets uint64 `json:"packets"`
		} `json:"tx"`
	} `json:"stats64"`
}

type vxlanData struct {
	ID       int    `json:"id"`
	Local    string `json:"local"`
	Local6   string `json:"local6"`
	Link     string `json:"link"`
	Port     int    `json:"port"`
	Learning *bool  `json:"learning"` // older versions print it only when it is off
	External bool   `json:"external"`
}

func (p *parser) links(b []byte, _ inspect.Family) error {
	return eachRow(b, func(r linkRow) error {
		if r.Name == "" {
			return nil
		}
		l := inspect.Link{
			Index: r.Index, Name: p.intern(r.Name), Kind: p.intern(r.Info.Kind), MTU: r.MTU,
			Up: r.Flags.has(flagUp), LowerUp: r.Flags.has(flagLowerUp),
			RXPackets: r.Stats.RX.Packets, TXPackets: r.Stats.TX.Packets,
		}
		if r.LinkType == "ether" {
			mac, err := inspect.ParseMAC(r.Address)
			if err != nil {
				return fmt.Errorf("link %.20q: %w", r.Name, err)
			}
			l.MAC = mac
		}
		if r.Info.Kind == "vxlan" {
			if err := p.vxlanLink(&l, r.Info.Data); err != nil {
				return fmt.Errorf("link %.20q: %w", r.Name, err)
			}
		}
		return add(p, &p.table.Links, l)
	})
}

func (p *parser) vxlanLink(l *inspect.Link, data json.RawMessage) error {
	p.vxlan = append(p.vxlan, l.Name)
	var d vxlanData
	if len(data) > 0 {
		if err := json.Unmarshal(data, &d); err != nil {
			return err
		}
	}
	l.Parent = p.intern(d.Link)
	l.VXLAN = &inspect.VXLAN{
		VNI: d.ID, Port: d.Port, FlowBased: d.External, Learning: d.Learning == nil || *d.Learning,
	}
	for _, s := range []string{d.Local, d.Local6} {
		if s == "" {
			continue
		}
		local, err := parseAddr(s, 0)
		if err != nil {
			return err
		}
		l.VXLAN.Local = local
	}
	return nil
}

type addressRow struct {
	Name string `json:"ifname"`
	Info list   `json:"addr_info"`
}

type addressInfo struct {
	Local     string `json:"local"`
	PrefixLen int    `json:"prefixlen"`
	Scope     string `json:"scope"`
	Tentative bool   `json:"tentative"`
	DADFailed bool   `json:"dadfailed"`
}

func (p *parser) addresses(b []byte, _ inspect.Family) error {
	return eachRow(b, func(r addressRow) error {
		return eachRow(r.Info, func(i addressInfo) error {
			if i.Local == "" {
				return nil
			}
			ip, err := parseAddr(i.Local, 0)
			if err != nil {
				return err
			}
			prefix := netip.PrefixFrom(ip, i.PrefixLen)
			if !prefix.IsValid() {
				return fmt.Errorf("address %s has a prefix length of %d", ip, i.PrefixLen)
			}
			return add(p, &p.table.Addresses, inspect.LinkAddress{
				Link: p.intern(r.Name), Prefix: prefix, Scope: p.intern(i.Scope), Tentative: i.Tentative, DADFailed: i.DADFailed,
			})
		})
	})
}
