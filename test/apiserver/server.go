// Package apiserver runs a real etcd and a real kube-apiserver, without nodes, for tests and benchmarks. They listen on
// the loopback only, keep everything in a folder of their own, and end with the process that started them.
package apiserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/cert"
)

// The environment variables that name the servers' binaries and definitions.
const (
	// EnvBin names the folder with the binaries etcd and kube-apiserver, and kubectl for scripts that compare with it.
	EnvBin = "DUALSTACK_TEST_BIN"
	// EnvCRDs names a folder with Calico's CustomResourceDefinitions, such as that of its manifests.
	EnvCRDs = "DUALSTACK_TEST_CRDS"
)

// adminToken lets its bearer do everything. The server is reachable from this machine only and lives as long as the
// test.
const adminToken = "dualstack-test-admin"

// The servers may take startTimeout until they answer, and are asked every pollInterval.
const (
	startTimeout = 2 * time.Minute
	pollInterval = 50 * time.Millisecond
)

// kubeletAddressType is the type of the address at which nodes have their Kubelet, if any. The inspectors show addresses
// of another type.
const kubeletAddressType = corev1.NodeExternalIP

// Server is a running API server with its etcd.
type Server struct {
	// Config is a configuration for a client that may do everything.
	Config *rest.Config

	dir, etcdURL    string
	etcd, apiserver *process
}

// Requirements returns the folders of the binaries and of the definitions, or an error that says what is missing.
func Requirements() (bin, crds string, err error) {
	bin, crds = os.Getenv(EnvBin), os.Getenv(EnvCRDs)
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if bin == "" {
			return "", "", fmt.Errorf("%s is not set: it names the folder with %s", EnvBin, "etcd and kube-apiserver")
		}
		if _, err := os.Stat(filepath.Join(bin, program)); err != nil {
			return "", "", fmt.Errorf("%s: %w", EnvBin, err)
		}
	}
	if crds == "" {
		return "", "", fmt.Errorf("%s is not set: it names the folder with Calico's definitions", EnvCRDs)
	}
	return bin, crds, nil
}

// Start starts both servers with what they need in dir, which must exist, and returns when the API server is ready. The
// binaries are those of the folder bin.
func Start(ctx context.Context, bin, dir string) (*Server, error) {
	s := &Server{dir: dir}
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s.etcdURL = "http://" + loopback(ports[0])
	s.etcd, err = startProcess(filepath.Join(bin, "etcd"), etcdArgs(dir, s.etcdURL, ports[1]), filepath.Join(dir, "etcd.log"))
	if err != nil {
		return nil, err
	}
	if err := s.startAPIServer(ctx, bin, ports[2]); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func etcdArgs(dir, url string, peerPort int) []string {
	peer := "http://" + loopback(peerPort)
	return []string{
		"--data-dir=" + filepath.Join(dir, "etcd"),
		"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
		"--unsafe-no-fsync", // nothing here outlives the test
		"--quota-backend-bytes=8589934592",
	}
}

func (s *Server) startAPIServer(ctx context.Context, bin string, port int) error {
	crt, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return fmt.Errorf("make the server's certificate: %w", err)
	}
	files := map[string][]byte{
		"tls.crt":    crt,
		"tls.key":    key, // signs service account tokens too
		"tokens.csv": []byte(adminToken + ",admin,admin,system:masters\n"),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	if s.apiserver, err = startProcess(filepath.Join(bin, "kube-apiserver"), s.apiserverArgs(port),
		filepath.Join(s.dir, "kube-apiserver.log")); err != nil {
		return err
	}
	s.Config = &rest.Config{
		Host:            "https://" + loopback(port),
		BearerToken:     adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: crt},
		QPS:             -1,
	}
	return s.waitReady(ctx)
}

func (s *Server) apiserverArgs(port int) []string {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	return []string{
		"--etcd-servers=" + s.etcdURL,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(port),
		"--endpoint-reconciler-type=none", // the loopback is no endpoint
		"--tls-cert-file=" + in("tls.crt"), "--tls-private-key-file=" + in("tls.key"), "--cert-dir=" + in("certs"),
		"--token-auth-file=" + in("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + in("tls.key"), "--service-account-signing-key-file=" + in("tls.key"),
		"--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112",
		"--authorization-mode=RBAC", "--allow-privileged",
		"--kubelet-preferred-address-types=" + string(kubeletAddressType) + ",InternalIP",
		// Without controllers no namespace has a service account.
		"--disable-admission-plugins=ServiceAccount",
	}
}

func (s *Server) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(s.Config)
	if err != nil {
		return err
	}
	answers := func(ctx context.Context) (bool, error) {
		for _, p := range []*process{s.etcd, s.apiserver} {
			if err := p.ended(); err != nil {
				return false, err
			}
		}
		var status int
		client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).StatusCode(&status)
		return status == http.StatusOK, nil
	}
	if err := wait.PollUntilContextTimeout(ctx, pollInterval, startTimeout, true, answers); err != nil {
		return fmt.Errorf("wait for the API server: %w\n%s", err, s.apiserver.logTail())
	}
	return nil
}

// Stop ends both servers and waits until they are gone. The folder stays the caller's to remove.
func (s *Server) Stop() {
	for _, p := range []*process{s.apiserver, s.etcd} {
		if p != nil {
			p.stop()
		}
	}
}

// Kubeconfig writes a kubeconfig file for a user and returns its path. The empty user may do everything; any other is
// impersonated, and may do what RBAC grants it.
func (s *Server) Kubeconfig(user string) (string, error) {
	const name = "apiserver"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: s.Config.Host, CertificateAuthorityData: s.Config.CAData}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: adminToken, Impersonate: user}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	path := filepath.Join(s.dir, "kubeconfig-"+user)
	return path, clientcmd.WriteToFile(*config, path)
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// freePorts returns free ports. It holds all of them until the last one is found, so that they differ.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer func() { _ = l.Close() }()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
