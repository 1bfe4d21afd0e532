package access

import (
	"fmt"
	"hash/crc32"
	"math/bits"
	"slices"
	"strings"
)

// SealShell defines the shell function seal, which prints the seal of its first argument: its checksum and length, as the
// POSIX tool cksum has them. Calico-node's image has cksum only within the multi-call program coreutils. Without
// either the seal is empty, and a script must print the text a second time (see Sealed).
const SealShell = `cksum=
for try in cksum 'coreutils --coreutils-prog=cksum'; do
if [ "$(printf x | $try 2>/dev/null)" = '` + sealOfX + `' ]; then cksum=$try; break; fi
done
seal() { if [ -n "$cksum" ]; then printf %s "$1" | $cksum 2>/dev/null; fi; }
`

// sealOfX is Seal("x"). A script compares it to check its tool.
const sealOfX = "12738659 1"

// Seal returns the checksum and the length of a text as POSIX cksum prints them: a CRC of 32 bits with the polynomial
// 0x04C11DB7, over the text and the bytes of its length, lowest first.
func Seal(text string) string { return sealOf([]byte(text)) }

// sealOf is Seal of a text in parts.
func sealOf(parts ...[]byte) string {
	// It is the CRC of the IEEE, with the bits of each byte, and of the result, the other way round.
	crc := ^uint32(0)
	var reversed [4096]byte
	add := func(part []byte) {
		for i, b := range part {
			reversed[i] = bits.Reverse8(b)
		}
		crc = crc32.Update(crc, crc32.IEEETable, reversed[:len(part)])
	}
	length := 0
	for _, part := range parts {
		length += len(part)
		for chunk := range slices.Chunk(part, len(reversed)) {
			add(chunk)
		}
	}
	for n := length; n > 0; n >>= 8 {
		add([]byte{byte(n)})
	}
	return fmt.Sprintf("%d %d", bits.Reverse32(crc), length)
}

// Sealed reports whether a text arrived intact: its seal is right or, if the script had no tool to seal with, the text
// came twice the same. Streams lose and reorder pieces, but not twice in the same way.
func Sealed(text, seal, again string) bool {
	if seal = strings.TrimSpace(seal); seal != "" {
		return seal == Seal(text)
	}
	return text == again
}
