package inspect

import "fmt"

// Quantity counts things in words: "1 path", "2 paths". Plurals that do not end in s are given: "1 finding is", "2 findings are".
func Quantity[N int | uint64](n N, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return fmt.Sprintf("%d %s", n, plural[0])
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}
