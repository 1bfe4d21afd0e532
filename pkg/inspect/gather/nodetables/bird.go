package nodetables

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// birdScript asks the BIRD of each family for its status and its protocols, by its socket (confd/etc/calico/confd/templates;
// node/filesystem/etc/service). Of each protocol the lines leave the node that are used, since a mesh of hundreds of nodes has
// as many sessions on each of them.
//
// It works in the container of calico-node, and wherever the processes of that container can be seen, by its file system: the
// client is there, and perhaps nowhere else. Where Felix is not seen, nothing is known of BIRD. A client waits for a BIRD that
// hangs, so it gets a limit of time.
const birdScript = `birdroot() {
  own=$(readlink /proc/self/ns/mnt)
  for p in /proc/[0-9]*; do
    read -r comm 2>/dev/null <"$p/comm" || continue
    case "$comm" in bird|bird6|calico-node|calico|calico-felix)
      if [ "$(readlink "$p/ns/mnt")" = "$own" ]; then echo /; return; fi
      if [ -e "$p/root/etc/calico/confd" ]; then echo "$p/root"; return; fi ;;
    esac
  done
  return 1
}
client() {
  socket=/var/run/calico/$1.ctl
  if [ ! -S "$root$socket" ] && [ -S "$root/var/run/bird/$1.ctl" ]; then socket=/var/run/bird/$1.ctl; fi
  shift
  set -- birdcl -s "$socket" "$@"
  if [ "$root" != / ]; then set -- chroot "$root" "$@"; fi
  if command -v timeout >/dev/null 2>&1; then set -- timeout 5 "$@"; fi
  "$@"
}
bird() {
  client "$1" show status && client "$1" show protocols all | sed -n -e '/^[^ ]/p' -e '/^  *Routes: /p' -e '/^  *Export updates: /p' \
    -e '/^  *BGP state: /p' -e '/^  *Neighbor [aA]/p' -e '/^  *Hold timer: /p' -e '/^  *Last error: /p'
}
if root=$(birdroot); then
  section bird4 bird bird
  section bird6 bird bird6
fi
`

// The sections of birdScript, and how much memory a byte of them may become: a session takes some 250 bytes of them.
const (
	sectionBIRD4 = "bird4"
	sectionBIRD6 = "bird6"
	birdCost     = 4
)

// errNoFelix says that nothing is known of BIRD.
var errNoFelix = errors.New("the processes of calico-node are not to be seen from there: " +
	"try --node-access exec, which enters its container")

func parseBIRD(sections map[string]access.Section) (inspect.ByFamily[inspect.BIRD], error) {
	var both inspect.ByFamily[inspect.BIRD]
	for f, name := range map[inspect.Family]string{inspect.IPv4: sectionBIRD4, inspect.IPv6: sectionBIRD6} {
		s, ok := sections[name]
		if !ok {
			return both, errNoFelix
		}
		bird, err := parseOneBIRD(s)
		if err != nil {
			return both, fmt.Errorf("section %s: %w", name, err)
		}
		both.Set(f, bird)
	}
	return both, nil
}

// The exit codes of timeout and of a shell that does not find a program.
const (
	exitTimeout  = 124
	exitNotFound = 127
)

func parseOneBIRD(s access.Section) (inspect.BIRD, error) {
	said := strings.TrimSpace(s.Stderr)
	for line := range strings.Lines(string(s.Out)) {
		if strings.HasPrefix(line, "Unable to connect") {
			said = strings.TrimSpace(line)
		}
	}
	switch {
	case s.Code == exitTimeout:
		return inspect.BIRD{Silent: "it does not answer within 5 s"}, nil
	case s.Code == exitNotFound || strings.Contains(said, "failed to run command"):
		return inspect.BIRD{}, errors.New("there is no birdcl")
	case s.Code != 0:
		if said == "" {
			said = fmt.Sprintf("birdcl ends with exit code %d", s.Code)
		}
		return inspect.BIRD{Silent: said}, nil
	case !bytes.Contains(s.Out, []byte("Daemon is up")) && !bytes.Contains(s.Out, []byte("Graceful restart recovery")):
		return inspect.BIRD{Silent: strings.TrimSpace("it does not say that it is up. " + said)}, nil
	default:
		return parseProtocols(s.Out)
	}
}

// parseProtocols reads the answers to show status and show protocols all.
func parseProtocols(out []byte) (inspect.BIRD, error) {
	var bird inspect.BIRD
	var session *inspect.Session // whose lines follow; nil for other protocols
	for line := range strings.Lines(string(out)) {
		text := strings.TrimSpace(line)
		key, value, _ := strings.Cut(text, ":")
		value = strings.TrimSpace(value)
		switch timer, isTimer := strings.CutPrefix(text, "Wait timer is "); {
		case text == "":
		case isTimer:
			bird.Recovery = timer
		case line[0] != ' ':
			s, ok := parseProtocol(strings.Fields(text))
			session = nil
			if ok {
				bird.Sessions = append(bird.Sessions, s)
				session = &bird.Sessions[len(bird.Sessions)-1]
			}
		case session == nil:
		default:
			if err := readLine(session, key, value); err != nil {
				return bird, fmt.Errorf("line %.60q: %w", text, err)
			}
		}
	}
	return bird, nil
}

// parseProtocol reads the line of a protocol: name, kind, table, state, since, and for BGP its state with an error.
func parseProtocol(fields []string) (inspect.Session, bool) {
	const name, protocol, state, since, info = 0, 1, 3, 4, 5
	if len(fields) <= since || fields[protocol] != "BGP" {
		return inspect.Session{}, false
	}
	s := sessionNamed(fields[name])
	s.Held = fields[state] == "wait"
	rest := fields[info:]
	s.Since = fields[since]
	// A date and a time of day take two words in some formats.
	if len(rest) > 0 && strings.Count(rest[0], ":") == 2 && strings.Trim(rest[0], "0123456789:.") == "" {
		s.Since += " " + rest[0]
		rest = rest[1:]
	}
	switch {
	case len(rest) > 0:
		s.State, s.LastError = rest[0], strings.Join(rest[1:], " ")
	case fields[state] == "down":
		s.State = "Down"
	}
	return s, true
}

// sessionNamed reads the name that confd gave a protocol: KIND_ADDRESS, with "_" for "." and ":", and _port_NUMBER.
func sessionNamed(name string) inspect.Session {
	prefixes := []struct {
		text string
		kind inspect.SessionKind
	}{{"Mesh_", inspect.SessionMesh}, {"Global_", inspect.SessionGlobal}, {"Node_", inspect.SessionNode}, {"Local_Workload_", inspect.SessionWorkload}}
	for _, p := range prefixes {
		rest, ok := strings.CutPrefix(name, p.text)
		if !ok {
			continue
		}
		s := inspect.Session{Kind: p.kind}
		address, port, _ := strings.Cut(rest, "_port_")
		for _, separator := range []string{".", ":"} {
			if ip, err := netip.ParseAddr(strings.ReplaceAll(address, "_", separator)); err == nil {
				s.Peer = ip
			}
		}
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			s.Port = uint16(n)
		}
		return s
	}
	return inspect.Session{Kind: inspect.SessionOther}
}

// readLine reads one of the lines that follow that of a protocol.
func readLine(s *inspect.Session, key, value string) error {
	var err error
	switch key {
	case "Routes":
		for part := range strings.SplitSeq(value, ",") {
			number, what, _ := strings.Cut(strings.TrimSpace(part), " ")
			n, atoi := strconv.Atoi(number)
			err = errors.Join(err, atoi)
			switch what {
			case "imported":
				s.Imported = n
			case "filtered":
				s.Rejected = n
			case "exported":
				s.Exported = n
			}
		}
	case "Export updates": // received, rejected, filtered, ignored, accepted
		if fields := strings.Fields(value); len(fields) > 2 {
			s.ExportFiltered, err = strconv.Atoi(fields[2])
		}
	case "BGP state":
		s.State = value
	case "Neighbor address":
		peer, parse := netip.ParseAddr(value)
		s.Peer, err = peer.WithZone(""), parse
	case "Neighbor AS":
		var n uint64
		n, err = strconv.ParseUint(value, 10, 32)
		s.ASN = inspect.ASN(n)
	case "Hold timer":
		left, whole, _ := strings.Cut(value, "/")
		l, e1 := strconv.Atoi(left)
		w, e2 := strconv.Atoi(whole)
		s.HoldLeft, s.HoldTime, err = l, w, errors.Join(e1, e2)
	case "Last error":
		s.LastError = value
	}
	return err
}
