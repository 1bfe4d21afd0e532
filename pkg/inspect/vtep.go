package inspect

import "crypto/sha1" // not for security: it is the hash that Felix derives the address from

// VTEPMAC returns the Ethernet address that Felix gives the VXLAN device of a node in a family unless an annotation
// says otherwise: 0x66 and the first five bytes of the SHA-1 of the node's name, with "-v6" appended for IPv6
// (felix/calc/vxlan_resolver.go, vtepMACForHost).
func VTEPMAC(nodeName string, f Family) MAC {
	if f == IPv6 {
		nodeName += "-v6"
	}
	sum := sha1.Sum([]byte(nodeName))
	mac := MAC{0x66}
	copy(mac[1:], sum[:])
	return mac
}
