package archtest

import (
	"fmt"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// breakingChanges lists what a client of the released schema would miss or be refused
// in the current one. What was deprecated in the released schema may go.
func breakingChanges(released, current *ast.Schema) []string {
	c := &comparison{released: released, current: current}
	for name, old := range released.Types {
		if old.BuiltIn {
			continue
		}
		now := current.Types[name]
		switch {
		case now == nil:
			if c.inUse(name) {
				c.add("type %s was removed", name)
			}
		case now.Kind != old.Kind:
			c.add("type %s was %s and is %s", name, old.Kind, now.Kind)
		default:
			c.definition(old, now)
		}
	}
	slices.Sort(c.changes)
	return c.changes
}

type comparison struct {
	released, current *ast.Schema
	changes           []string
}

func (c *comparison) add(format string, args ...any) {
	c.changes = append(c.changes, fmt.Sprintf(format, args...))
}

func (c *comparison) definition(old, now *ast.Definition) {
	for _, i := range old.Interfaces {
		if !slices.Contains(now.Interfaces, i) {
			c.add("%s no longer implements %s", old.Name, i)
		}
	}
	for _, member := range old.Types {
		if !slices.Contains(now.Types, member) {
			c.add("%s no longer includes %s", old.Name, member)
		}
	}
	for _, value := range old.EnumValues {
		if now.EnumValues.ForName(value.Name) == nil && !deprecated(value.Directives) {
			c.add("value %s.%s was removed without a deprecation", old.Name, value.Name)
		}
	}
	if old.Kind == ast.InputObject {
		c.inputFields(old, now)
		return
	}
	for _, field := range old.Fields {
		name := old.Name + "." + field.Name
		current := now.Fields.ForName(field.Name)
		if current == nil {
			if !deprecated(field.Directives) {
				c.add("field %s was removed without a deprecation", name)
			}
			continue
		}
		if !promises(current.Type, field.Type) {
			c.add("field %s was %s and is %s", name, field.Type, current.Type)
		}
		c.arguments(name, field.Arguments, current.Arguments)
	}
}

func (c *comparison) inputFields(old, now *ast.Definition) {
	for _, field := range old.Fields {
		name := old.Name + "." + field.Name
		current := now.Fields.ForName(field.Name)
		switch {
		case current == nil && !deprecated(field.Directives):
			c.add("input field %s was removed without a deprecation", name)
		case current == nil:
		case !accepts(current.Type, field.Type, current.DefaultValue):
			c.add("input field %s was %s and is %s", name, field.Type, current.Type)
		case required(current.Type, current.DefaultValue) && !required(field.Type, field.DefaultValue):
			c.add("input field %s became required", name)
		}
	}
	for _, field := range now.Fields {
		if old.Fields.ForName(field.Name) == nil && required(field.Type, field.DefaultValue) {
			c.add("required input field %s.%s was added", old.Name, field.Name)
		}
	}
}

func (c *comparison) arguments(field string, old, now ast.ArgumentDefinitionList) {
	for _, arg := range old {
		name := fmt.Sprintf("%s(%s:)", field, arg.Name)
		current := now.ForName(arg.Name)
		switch {
		case current == nil && !deprecated(arg.Directives):
			c.add("argument %s was removed without a deprecation", name)
		case current == nil:
		case !accepts(current.Type, arg.Type, current.DefaultValue):
			c.add("argument %s was %s and is %s", name, arg.Type, current.Type)
		case required(current.Type, current.DefaultValue) && !required(arg.Type, arg.DefaultValue):
			c.add("argument %s became required", name)
		}
	}
	for _, arg := range now {
		if old.ForName(arg.Name) == nil && required(arg.Type, arg.DefaultValue) {
			c.add("required argument %s(%s:) was added", field, arg.Name)
		}
	}
}

// inUse reports whether anything of the released schema that isn't deprecated leads to
// the type.
func (c *comparison) inUse(name string) bool {
	for _, def := range c.released.Types {
		if slices.Contains(def.Types, name) {
			return true
		}
		for _, field := range def.Fields {
			if deprecated(field.Directives) {
				continue
			}
			if field.Type.Name() == name {
				return true
			}
			for _, arg := range field.Arguments {
				if arg.Type.Name() == name && !deprecated(arg.Directives) {
					return true
				}
			}
		}
	}
	// A type that only its interface leads to is met through that interface.
	return len(c.released.Types[name].Interfaces) > 0 && c.released.Types[name].Kind == ast.Object
}

// promises reports whether a result of type now is also one of type old: it may be
// non-null where it wasn't.
func promises(now, old *ast.Type) bool {
	if old.NonNull && !now.NonNull || (old.Elem == nil) != (now.Elem == nil) {
		return false
	}
	if old.Elem != nil {
		return promises(now.Elem, old.Elem)
	}
	return old.NamedType == now.NamedType
}

// accepts reports whether an input of type old is also one of type now: it may be
// nullable where it wasn't. A default value makes up for a null that was left out.
func accepts(now, old *ast.Type, byDefault *ast.Value) bool {
	if now.NonNull && !old.NonNull && byDefault == nil || (old.Elem == nil) != (now.Elem == nil) {
		return false
	}
	if old.Elem != nil {
		return accepts(now.Elem, old.Elem, nil)
	}
	return old.NamedType == now.NamedType
}

func required(t *ast.Type, byDefault *ast.Value) bool { return t.NonNull && byDefault == nil }

func deprecated(d ast.DirectiveList) bool { return d.ForName("deprecated") != nil }
