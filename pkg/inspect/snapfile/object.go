package snapfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
)

// object reads a line of JSON into the struct at v, the items of its lists one by one. It counts each before it reads
// the next, and stops at the first of a wrong type. It skips keys that the struct does not have.
func (d *decoder) object(v any) error {
	line := &line{lines: d.lines, max: d.max}
	o := objectDecoder{decoder: d, line: line, json: json.NewDecoder(line)}
	if err := o.read(reflect.ValueOf(v).Elem()); err != nil {
		return err
	}
	switch _, err := o.next(); {
	case err == nil:
		return errors.New("a line goes on behind its end")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// line is one line of the file, which must end in a line break. Reading more at once than one object may have is an
// error.
type line struct {
	lines         *bufio.Reader
	max           limits
	bytes, values int // since the object began
	ended         bool
}

func (l *line) Read(p []byte) (int, error) {
	if l.ended {
		return 0, io.EOF
	}
	if _, err := l.lines.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	const ahead = 4 << 10 // bytes read ahead count for the object before
	part, _ := l.lines.Peek(min(len(p), l.lines.Buffered(), ahead))
	if i := bytes.IndexByte(part, '\n'); i >= 0 {
		part, l.ended = part[:i+1], true
	}
	n := copy(p, part)
	_, _ = l.lines.Discard(n)
	l.bytes += n
	l.values += bytes.Count(part, []byte{','})
	if l.bytes > l.max.Object || l.values > l.max.Values {
		return 0, errors.New("an object is larger than any of a cluster")
	}
	return n, nil
}

// objectDecoder reads one line of JSON.
type objectDecoder struct {
	*decoder
	line *line
	json *json.Decoder
	raw  json.RawMessage // of skipped values
}

func (o *objectDecoder) read(v reflect.Value) error {
	if err := o.want('{'); err != nil {
		return err
	}
	fields := fieldsByKey(v.Type())
	for o.json.More() {
		token, err := o.next()
		if err != nil {
			return err
		}
		key, _ := token.(string)
		i, ok := fields[key]
		delete(fields, key) // a repeated key is skipped
		switch {
		case !ok:
			if err = o.memory.Spend(skipped); err == nil {
				err = o.skip()
			}
		case v.Field(i).Kind() == reflect.Slice:
			err = o.list(v.Field(i))
		default:
			if err = o.one(v.Field(i)); err == nil {
				err = o.memory.Spend(references(v.Field(i)))
			}
		}
		if err != nil {
			return fmt.Errorf("%.40s: %w", key, err)
		}
	}
	return o.want('}')
}

// fieldsByKey returns the indexes of a struct's fields by their keys in JSON.
func fieldsByKey(t reflect.Type) map[string]int {
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[key] = i
	}
	return fields
}

// next returns the next token. Counting starts again here.
func (o *objectDecoder) next() (json.Token, error) {
	o.line.bytes, o.line.values = 0, 0
	return o.json.Token()
}

func (o *objectDecoder) want(delim json.Delim) error {
	token, err := o.next()
	if err == nil && token != delim {
		err = fmt.Errorf("%v in place of %v", kindOf(token), delim)
	}
	return err
}

// kindOf names the type of a token; its text may be long.
func kindOf(token json.Token) string {
	switch t := token.(type) {
	case json.Delim:
		return t.String()
	case nil:
		return "null"
	default:
		return fmt.Sprintf("a %T", t)
	}
}

// list reads a list, item by item.
func (o *objectDecoder) list(list reflect.Value) error {
	if err := o.want('['); err != nil {
		return err
	}
	item := reflect.New(list.Type().Elem()).Elem()
	size := int(item.Type().Size())
	for n := 1; o.json.More(); n++ {
		item.SetZero()
		if err := o.one(item); err != nil {
			return fmt.Errorf("item %d: %w", n, err)
		}
		if item.IsZero() {
			return fmt.Errorf("item %d: it is empty", n)
		}
		if o.trim != nil && !o.trim(item.Addr().Interface()) {
			if err := o.memory.Spend(skipped); err != nil {
				return err
			}
			continue
		}
		more := 0
		if list.Len() == list.Cap() {
			more = max(8, list.Len())
		}
		// Memory that the list leaves behind when it grows counts too.
		if err := o.memory.Spend(min(more, 1)*(list.Len()+more)*size + references(item)); err != nil {
			return err
		}
		list.Grow(more)
		list.SetLen(list.Len() + 1)
		list.Index(list.Len() - 1).Set(item)
	}
	return o.want(']')
}

// one reads a value as a whole.
func (o *objectDecoder) one(v reflect.Value) error {
	o.line.bytes, o.line.values = 0, 0
	return o.json.Decode(v.Addr().Interface())
}

// skipped is the cost of a skipped value, in bytes of memory: it ends endless input.
const skipped = 64

// skip skips a value, a list item by item.
func (o *objectDecoder) skip() error {
	token, err := o.next()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	for o.json.More() {
		if open == '{' { // the key
			if _, err := o.next(); err != nil {
				return err
			}
		}
		if err := o.one(reflect.ValueOf(&o.raw).Elem()); err != nil {
			return err
		}
		if err := o.memory.Spend(skipped); err != nil {
			return err
		}
	}
	return o.want(open + 2) // } and ] follow { and [ in ASCII, with one between
}

// references returns the bytes that a value refers to.
func references(v reflect.Value) int {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Pointer:
		if v.IsNil() {
			return 0
		}
		return int(v.Type().Elem().Size()) + references(v.Elem())
	case reflect.Slice:
		n := v.Cap() * int(v.Type().Elem().Size())
		for i := range v.Len() {
			n += references(v.Index(i))
		}
		return n
	case reflect.Map:
		const overhead = 16 // of an entry
		n := v.Len() * (int(v.Type().Key().Size()+v.Type().Elem().Size()) + overhead)
		for entry := v.MapRange(); entry.Next(); {
			n += references(entry.Key()) + references(entry.Value())
		}
		return n
	case reflect.Struct:
		if v.Type().PkgPath() == "net/netip" {
			if v.CanAddr() {
				if a, ok := v.Addr().Interface().(*netip.Addr); ok {
					return len(a.Zone())
				}
			}
			return 0
		}
		n := 0
		for i := range v.NumField() {
			n += references(v.Field(i))
		}
		return n
	default:
		return 0
	}
}
