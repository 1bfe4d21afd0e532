package access

// NeverStarts reports whether a container that waits for this reason will never start (the kubelet's image and
// container errors).
func NeverStarts(reason string) bool {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName",
		"CreateContainerConfigError", "CreateContainerError":
		return true
	default:
		return false
	}
}
