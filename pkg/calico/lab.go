package calico

// The ConfigMap in which `lab create` records what a trace needs to know of the lab. The lab writes it and the inspectors
// read it; LabKey… are its keys.
const (
	LabNamespace = "kube-system"
	LabConfigMap = "dualstack-lab"

	LabKeyName         = "name"
	LabKeyExternalIPv4 = "externalIPv4" // the switch's loopback: stands for the world outside
	LabKeyExternalIPv6 = "externalIPv6"
	LabKeyGatewayIPv4  = "gatewayIPv4" // the switch's address in the nodes' VLAN
	LabKeyGatewayIPv6  = "gatewayIPv6"
	LabKeyFabricIPv4   = "fabricIPv4" // the subnet that switch and nodes share
	LabKeyFabricIPv6   = "fabricIPv6"
)
