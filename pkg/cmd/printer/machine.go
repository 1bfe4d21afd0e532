package printer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// machine prints a list in one of kubectl's formats for programs. JSON and YAML are valid and have no characters that a
// terminal obeys, whatever the texts hold. Templates print what they say.
func (w *Writer[T]) machine(list *inspect.Report[T]) error {
	format, _, _ := strings.Cut(w.p.format, "=")
	switch format {
	case "json":
		return w.p.resource.PrintObj(list, &quoter{w: w.out, quote: quoteJSON})
	case "yaml":
		return printYAML(w.out, list)
	case "kyaml":
		plain, err := quotedJSON(list)
		if err != nil {
			return err
		}
		return w.p.resource.PrintObj(&runtime.Unknown{Raw: plain}, &quoter{w: w.out, quote: quoteYAML})
	case "jsonpath", "jsonpath-file", "jsonpath-as-json":
		object, err := toUnstructured(list)
		if err != nil {
			return err
		}
		out := w.out
		if format == "jsonpath-as-json" {
			out = &quoter{w: out, quote: quoteJSON}
		}
		return w.p.resource.PrintObj(object, out)
	default:
		return w.p.resource.PrintObj(list, w.out)
	}
}

// printYAML prints as kubectl's printer does, but that one fails as a whole on a control character of the upper range, and
// leaves bidirectional overrides as they are.
func printYAML(out io.Writer, v any) error {
	plain, err := quotedJSON(v)
	if err != nil {
		return err
	}
	text, err := yaml.JSONToYAML(plain)
	if err != nil {
		return err
	}
	if bytes.ContainsFunc(text, obeyed) {
		if text, err = quoteScalars(text); err != nil {
			return err
		}
	}
	_, err = (&quoter{w: out, quote: quoteYAML}).Write(text)
	return err
}

// quotedJSON returns a value as JSON for readers of YAML, which know no surrogates.
func quotedJSON(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var quoted bytes.Buffer
	_, err = (&quoter{w: &quoted, quote: quoteYAML}).Write(plain)
	return quoted.Bytes(), err
}

// quoteScalars double-quotes the scalars with characters that a terminal obeys, so that these can be escaped.
func quoteScalars(text []byte) ([]byte, error) {
	var document yamlv3.Node
	if err := yamlv3.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	var walk func(*yamlv3.Node)
	walk = func(n *yamlv3.Node) {
		if n.Kind == yamlv3.ScalarNode && strings.ContainsFunc(n.Value, obeyed) {
			n.Style = yamlv3.DoubleQuotedStyle
		}
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(&document)
	var out bytes.Buffer
	e := yamlv3.NewEncoder(&out)
	e.SetIndent(2)
	e.CompactSeqIndent()
	if err := e.Encode(&document); err != nil {
		return nil, err
	}
	return out.Bytes(), e.Close()
}

// obeyed reports whether a terminal might obey a character. Line breaks do not count: both formats write them.
func obeyed(r rune) bool { return r != '\n' && r != utf8.RuneError && !unicode.IsPrint(r) }

func quoteJSON(r rune) string {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func quoteYAML(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// quoter replaces the characters that a terminal obeys in text whose strings are quoted.
type quoter struct {
	w     io.Writer
	quote func(rune) string
	held  []byte // the first bytes of an incomplete character
}

// Write implements io.Writer.
func (q *quoter) Write(p []byte) (int, error) {
	text := append(q.held, p...)
	out := make([]byte, 0, len(text))
	for len(text) > 0 && utf8.FullRune(text) {
		r, size := utf8.DecodeRune(text)
		if obeyed(r) {
			out = append(out, q.quote(r)...)
		} else {
			out = append(out, text[:size]...)
		}
		text = text[size:]
	}
	q.held = bytes.Clone(text)
	if _, err := q.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
