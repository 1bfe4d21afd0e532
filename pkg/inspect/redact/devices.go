package redact

import (
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

var (
	// commonDevice matches names that only give a device's kind and its number or slot.
	commonDevice = regexp.MustCompile(`^(lo|((eth|eno|ens|em|bond|team|br|virbr|docker|cni|cbr|dummy|tunl|sit|ip6tnl|gre|gretap|erspan|ip_vti|` +
		`ip6_vti|ip6gre|wlan|ib|enp\d{1,3}s|kube-ipvs|flannel\.)\d{1,3})(f\d{1,3})?(np\d{1,3})?(\.\d{1,4})?|nodelocaldns|` +
		`bpf(in|out)\.cali|egress\.calico)$`)
	// devicePrefix matches the part of a replaced name that stays: it tells the device's maker, and Felix's mtuIfacePattern
	// uses it.
	devicePrefix = regexp.MustCompile(`^(cali|veth|lxc|azv|eni|gke|tap|tun|br-|eth|wlan|wwan|(en|wl|ww|sl|ib)[Pcopsvx])`)
)

// device replaces the name of a device, unless every cluster has it. A pod's interface gets the name that follows from
// the pod's new name.
func (r *redactor) device(name string) string {
	if replaced, ok := r.devices[name]; ok {
		return replaced
	}
	replaced := name
	if name != "" && !calico.IsTunnelDevice(name) && !commonDevice.MatchString(name) {
		prefix := devicePrefix.FindString(name)
		if prefix == "" {
			prefix = "dev"
		}
		replaced = prefix + hex.EncodeToString(r.hash("device", []byte(name)))[:11]
	}
	r.devices[name] = replaced
	return replaced
}

// sysctl replaces the name of the device in the name of a setting: net.ipv4.conf.DEVICE.rp_filter.
func (r *redactor) sysctl(key string) string {
	for _, prefix := range []string{"net.ipv4.conf.", "net.ipv6.conf."} {
		rest, ok := strings.CutPrefix(key, prefix)
		dot := strings.LastIndexByte(rest, '.')
		if !ok || dot < 0 || !slices.Contains(deviceSettings(), rest[dot+1:]) {
			continue
		}
		device := rest[:dot]
		if device != "all" && device != "default" {
			device = r.device(device)
		}
		return prefix + device + rest[dot:]
	}
	return r.words([]string{"net.ipv4.ip_forward"})(key)
}

// pattern replaces an mtuIfacePattern by one that matches the same devices under their new names. A pattern that Felix
// cannot compile stays invalid: Felix then uses its default.
func (r *redactor) pattern(text string) string {
	if text == "" || text == felix.DefaultMTUIfacePattern || r.seeing {
		return text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return "("
	}
	var matched []string
	for _, link := range r.links {
		if re.MatchString(link) {
			matched = append(matched, regexp.QuoteMeta(r.device(link)))
		}
	}
	slices.Sort(matched)
	return "^(" + strings.Join(matched, "|") + ")$"
}
