package redact

import (
	"cmp"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// rule replaces a value in place. A nil rule keeps it.
type rule func(reflect.Value)

// rule returns the rule of a type. field is the place of the value, as TYPE.FIELD, with ".key" for the keys of a map;
// only strings need it, and prefixes that are addresses. Numbers and switches are kept. Values without a rule are
// emptied: raw bytes, interfaces, structs that hide their fields.
func (r *redactor) rule(t reflect.Type, field string) rule {
	if r.seeing && t == reflect.TypeFor[inspect.NodeTable]() {
		return nil // has no names that others refer to
	}
	switch t {
	case reflect.TypeFor[time.Time]():
		return nil
	case reflect.TypeFor[netip.Addr]():
		return inPlace(r, r.addrs.addr)
	case reflect.TypeFor[netip.Prefix]():
		if field == "Node.Address" || field == "LinkAddress.Prefix" {
			return inPlace(r, r.addrs.host)
		}
		return inPlace(r, r.addrs.network)
	case reflect.TypeFor[inspect.ASN]():
		return func(v reflect.Value) { v.SetUint(uint64(r.asn(inspect.ASN(v.Uint())))) }
	case reflect.TypeFor[inspect.MAC]():
		return inPlace(r, r.mac)
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return nil
	case reflect.String:
		return r.stringRule(field)
	case reflect.Slice:
		return r.sliceRule(t, field)
	case reflect.Map:
		return r.mapRule(t, field)
	case reflect.Pointer:
		return r.pointerRule(t, field)
	case reflect.Struct:
		return r.structRule(t, field)
	default:
		return reflect.Value.SetZero
	}
}

// inPlace is the rule that replaces a value by f.
func inPlace[T any](r *redactor, f func(T) T) rule {
	if r.seeing {
		return nil
	}
	return func(v reflect.Value) {
		p := v.Addr().Interface().(*T)
		*p = f(*p)
	}
}

func (r *redactor) stringRule(field string) rule {
	replace, ok := r.fields[field]
	if !ok {
		replace = r.text
	}
	return func(v reflect.Value) { v.SetString(replace(v.String())) }
}

func (r *redactor) sliceRule(t reflect.Type, field string) rule {
	if t.Elem().Kind() == reflect.Uint8 && t.Elem() != reflect.TypeFor[inspect.Family]() {
		return reflect.Value.SetZero
	}
	each := r.rule(t.Elem(), field)
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		out := reflect.MakeSlice(t, v.Len(), v.Len())
		reflect.Copy(out, v)
		for i := 0; each != nil && i < out.Len(); i++ {
			each(out.Index(i))
		}
		v.Set(out)
	}
}

func (r *redactor) mapRule(t reflect.Type, field string) rule {
	ofKey, ofValue := r.rule(t.Key(), field+".key"), r.rule(t.Elem(), field)
	return func(v reflect.Value) {
		if v.IsNil() {
			return
		}
		out := reflect.MakeMapWithSize(t, v.Len())
		for entry := v.MapRange(); entry.Next(); {
			out.SetMapIndex(replaced(entry.Key(), ofKey), replaced(entry.Value(), ofValue))
		}
		v.Set(out)
	}
}

func (r *redactor) pointerRule(t reflect.Type, field string) rule {
	ofTarget := r.rule(t.Elem(), field)
	return func(v reflect.Value) {
		if !v.IsNil() {
			v.Set(replaced(v.Elem(), ofTarget).Addr())
		}
	}
}

// replaced returns a copy with a rule applied.
func replaced(v reflect.Value, apply rule) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	if apply != nil {
		apply(out)
	}
	return out
}

func (r *redactor) structRule(t reflect.Type, field string) rule {
	rules := make([]rule, t.NumField())
	for i := range rules {
		f := t.Field(i)
		if !f.IsExported() {
			return reflect.Value.SetZero
		}
		at := t.Name() + "." + f.Name
		if strings.HasPrefix(at, "ByFamily[") { // one value for each family
			at = field
		}
		rules[i] = r.rule(f.Type, at)
	}
	sort := inOrder(t)
	return func(v reflect.Value) {
		for i, apply := range rules {
			if apply != nil {
				apply(v.Field(i))
			}
		}
		if sort != nil {
			sort(v)
		}
	}
}

// inOrder returns a function that sorts the lists of a struct again if their sort keys were replaced.
func inOrder(t reflect.Type) rule {
	switch t {
	case reflect.TypeFor[inspect.Node]():
		return func(v reflect.Value) { slices.Sort(v.Addr().Interface().(*inspect.Node).Roles) }
	case reflect.TypeFor[inspect.IPAMBlock]():
		return func(v reflect.Value) {
			slices.SortFunc(v.Addr().Interface().(*inspect.IPAMBlock).Allocations,
				func(a, b inspect.Allocation) int { return cmp.Or(a.IP.Compare(b.IP), cmp.Compare(a.Handle, b.Handle)) })
		}
	default:
		return nil
	}
}
