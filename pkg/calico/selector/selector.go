// Package selector evaluates the selectors of Calico, by which pools choose nodes and policies choose pods.
package selector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Selects evaluates a selector of Calico's (libcalico-go/lib/selector) on labels: all(), global(), has(k), k == 'v',
// !=, in {…}, not in {…}, contains, starts with, ends with, !, &&, || and parentheses. An empty one selects all.
// We do not use Calico's library, since it brings all of Felix and its dependencies.
func Selects(selector string, labels map[string]string) (bool, error) {
	tokens, err := Tokens(selector)
	if err != nil {
		return false, fmt.Errorf("selector %q: %w", selector, err)
	}
	if len(tokens) == 0 {
		return true, nil
	}
	p := &selectorParser{tokens: tokens, labels: labels}
	ok := p.or()
	if p.err == nil && len(p.tokens) > 0 {
		p.fail("unexpected %q", p.tokens[0].Text)
	}
	if p.err != nil {
		return false, fmt.Errorf("selector %q: %w", selector, p.err)
	}
	return ok, nil
}

// Token is a word, a quoted string or a piece of punctuation of a selector.
type Token struct {
	Space string // before it
	Text  string // of a string, without its quotes
	Quote byte   // of a string; else 0
	// IsLabel is set for the key of a label, by its position.
	IsLabel bool
}

func (t Token) quoted() bool { return t.Quote != 0 }

// IsFixed reports whether the language itself has the token: punctuation, an operator, a function.
func (t Token) IsFixed() bool {
	words := []string{"all", "global", "has", "in", "not", "contains", "starts", "ends", "with"}
	return !t.quoted() && (t.isPunctuation() || !t.IsLabel && slices.Contains(words, t.Text))
}

func (t Token) isPunctuation() bool { return !t.quoted() && !isWordRune(rune(t.Text[0])) }

// String returns the token as written in a selector.
func (t Token) String() string {
	if t.quoted() {
		return t.Space + string(t.Quote) + t.Text + string(t.Quote)
	}
	return t.Space + t.Text
}

// Tokens splits a selector. An unclosed string or an invalid character is an error.
func Tokens(selector string) ([]Token, error) {
	var tokens []Token
	for rest := selector; ; {
		text := strings.TrimLeft(rest, " \t\n")
		if text == "" {
			break
		}
		t, after, err := lexOne(text)
		if err != nil {
			return nil, err
		}
		t.Space = rest[:len(rest)-len(text)]
		tokens, rest = append(tokens, t), after
	}
	// The key of a label begins a term, as a function does, or is the argument of has.
	for i := range tokens {
		begins := i == 0 || slices.Contains([]string{"&&", "||", "!", "("}, tokens[i-1].Text) && !tokens[i-1].quoted()
		call := i+1 < len(tokens) && tokens[i+1].Text == "(" && !tokens[i+1].quoted()
		tokens[i].IsLabel = begins && !call && !tokens[i].quoted() && !tokens[i].isPunctuation()
	}
	return tokens, nil
}

func lexOne(s string) (t Token, rest string, err error) {
	if s[0] == '"' || s[0] == '\'' {
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return Token{}, "", errors.New("a string is not closed")
		}
		return Token{Text: s[1 : 1+end], Quote: s[0]}, s[end+2:], nil
	}
	for _, op := range []string{"&&", "||", "==", "!=", "!", "(", ")", "{", "}", ","} {
		if rest, ok := strings.CutPrefix(s, op); ok {
			return Token{Text: op}, rest, nil
		}
	}
	end := strings.IndexFunc(s, func(r rune) bool { return !isWordRune(r) })
	switch end {
	case 0:
		return Token{}, "", fmt.Errorf("unexpected character %q", s[0])
	case -1:
		end = len(s)
	}
	return Token{Text: s[:end]}, s[end:], nil
}

func isWordRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./-", r)
}

// selectorParser evaluates while it parses: a selector is short, and is used once for each set of labels.
type selectorParser struct {
	tokens []Token
	labels map[string]string
	depth  int
	err    error
}

// maxSelectorDepth bounds the recursion over text from a cluster.
const maxSelectorDepth = 100

func (p *selectorParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.tokens = nil
}

// take consumes the next token if it is the given word or punctuation.
func (p *selectorParser) take(text string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted() || p.tokens[0].Text != text {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *selectorParser) want(text string) {
	if !p.take(text) {
		p.fail("%q expected", text)
	}
}

func (p *selectorParser) next(quoted bool) string {
	if len(p.tokens) == 0 || p.tokens[0].quoted() != quoted {
		p.fail("a label or a value expected")
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t.Text
}

func (p *selectorParser) or() bool {
	v := p.and()
	for p.take("||") {
		v = p.and() || v
	}
	return v
}

func (p *selectorParser) and() bool {
	v := p.not()
	for p.take("&&") {
		v = p.not() && v
	}
	return v
}

func (p *selectorParser) not() bool {
	if p.depth++; p.depth > maxSelectorDepth {
		p.fail("nested too deeply")
		return false
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("!"):
		return !p.not()
	case p.take("("):
		v := p.or()
		p.want(")")
		return v
	default:
		return p.term()
	}
}

func (p *selectorParser) term() bool {
	label := p.next(false)
	if p.take("(") {
		return p.call(label)
	}
	value, has := p.labels[label]
	switch {
	case p.take("=="):
		want := p.next(true)
		return has && value == want
	case p.take("!="):
		unwanted := p.next(true)
		return !has || value != unwanted
	case p.take("in"):
		set := p.set()
		return has && slices.Contains(set, value)
	case p.take("not"):
		p.want("in")
		return !slices.Contains(p.set(), value) || !has
	case p.take("contains"):
		return strings.Contains(value, p.next(true)) && has
	case p.take("starts"):
		p.want("with")
		return strings.HasPrefix(value, p.next(true)) && has
	case p.take("ends"):
		p.want("with")
		return strings.HasSuffix(value, p.next(true)) && has
	default:
		p.fail("an operator expected after %q", label)
		return false
	}
}

func (p *selectorParser) call(function string) bool {
	v := false
	switch function {
	case "all":
		v = true
	case "global": // of namespaces, never of a node
	case "has":
		_, v = p.labels[p.next(false)]
	default:
		p.fail("unknown function %q", function)
	}
	p.want(")")
	return v
}

func (p *selectorParser) set() []string {
	var set []string
	p.want("{")
	for p.err == nil && !p.take("}") {
		set = append(set, p.next(true))
		if !p.take(",") {
			p.want("}")
			break
		}
	}
	return set
}
