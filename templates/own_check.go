package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template/parse"
)

// What a project writes is drawn in a process that serves others too. These bounds
// keep its templates from computing: they choose, repeat what a page has, and say it.
const (
	maxVisits   = 20_000_000 // nodes that one page may come to
	repetitions = 1000       // that a range is reckoned to have
	maxPipe     = 3          // commands of a pipeline, and how deep they nest
)

var ownFunctions = []string{"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "print", "printf"}

// plainFormat is what printf may do: no width makes it long.
var plainFormat = regexp.MustCompile(`^([^%]|%[sdvq%])*$`)

// checkTrees holds the own templates to what they may do, and the pages that they
// are part of to what they come to.
func (t *theme) checkTrees(own map[string][]byte, server *theme) error {
	for _, name := range slices.Sorted(maps.Keys(own)) {
		if !strings.HasPrefix(name, "html/") && !strings.HasPrefix(name, "mail/") {
			continue
		}
		set, err := checkTree(name, string(own[name]))
		if err == nil && strings.HasPrefix(name, "mail/") {
			_, err = weigh("letter", func(part string) *parse.Tree { return set[part] })
		}
		if err != nil {
			return ownError(name, err)
		}
	}
	for _, page := range slices.Sorted(maps.Keys(t.pages)) {
		if t.pages[page] == server.pages[page] {
			continue
		}
		_, err := weigh("layout", func(part string) *parse.Tree {
			if p := t.pages[page].Lookup(part); p != nil {
				return p.Tree
			}
			return nil
		})
		if err != nil {
			return ownError("html/"+page+".html", err)
		}
	}
	return nil
}

// checkTree parses a file by itself and looks at each of its nodes.
func checkTree(name, text string) (map[string]*parse.Tree, error) {
	set := map[string]*parse.Tree{}
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", set); err != nil {
		return nil, err
	}
	for _, part := range slices.Sorted(maps.Keys(set)) {
		c := treeCheck{name: name, tree: set[part]}
		c.list(set[part].Root)
		if c.err != nil {
			return nil, c.err
		}
	}
	return set, nil
}

type treeCheck struct {
	name   string
	tree   *parse.Tree
	ranges int
	err    error
}

func (c *treeCheck) refuse(n parse.Node, why string) {
	if c.err != nil {
		return
	}
	at, _ := c.tree.ErrorContext(n) // <file>:<line>:<column>
	line, _, _ := strings.Cut(strings.TrimPrefix(at, c.name+":"), ":")
	c.err = &OwnError{c.name, "line " + line + ": " + why}
}

func (c *treeCheck) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			c.pipe(n.Pipe, 1)
		case *parse.IfNode:
			c.branch(&n.BranchNode, false)
		case *parse.WithNode:
			c.branch(&n.BranchNode, true)
		case *parse.RangeNode:
			if c.ranges++; c.ranges > 2 {
				c.refuse(n, "ranges nest more than twice")
			}
			c.branch(&n.BranchNode, true)
			c.ranges--
		case *parse.TemplateNode:
			if n.Pipe != nil && !c.value(n.Pipe) && !c.method(n.Pipe) {
				c.refuse(n, "a template is given a value of the page, or none")
			}
		}
	}
}

// branch is an if, or what changes the dot: that is a value of the page.
func (c *treeCheck) branch(b *parse.BranchNode, plain bool) {
	if plain && !c.value(b.Pipe) {
		c.refuse(b, "want a value of the page, such as .View.Email")
	}
	c.pipe(b.Pipe, 1)
	c.list(b.List)
	c.list(b.ElseList)
}

// value reports whether the pipeline is a field, the dot or a variable alone.
func (c *treeCheck) value(p *parse.PipeNode) bool {
	if len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return false
	}
	switch p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode, *parse.DotNode, *parse.VariableNode:
		return true
	}
	return false
}

// method reports whether the pipeline calls one method with values and constants:
// .With .View, .CopyOf "secret".
func (c *treeCheck) method(p *parse.PipeNode) bool {
	if len(p.Cmds) == 1 && len(p.Cmds[0].Args) == 1 {
		if inner, ok := p.Cmds[0].Args[0].(*parse.PipeNode); ok {
			return c.method(inner)
		}
	}
	if len(p.Cmds) != 1 || len(p.Decl) > 0 {
		return false
	}
	for i, arg := range p.Cmds[0].Args {
		switch arg.(type) {
		case *parse.FieldNode, *parse.VariableNode:
		case *parse.StringNode, *parse.DotNode:
			if i == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (c *treeCheck) pipe(p *parse.PipeNode, depth int) {
	if p == nil {
		return
	}
	if len(p.Decl) > 0 && !c.value(p) {
		c.refuse(p, "a variable holds a value of the page, and nothing that is made")
	}
	if len(p.Cmds) > maxPipe || depth > maxPipe {
		c.refuse(p, "the pipeline is too long")
		return
	}
	for _, cmd := range p.Cmds {
		c.command(cmd, depth)
	}
}

func (c *treeCheck) command(cmd *parse.CommandNode, depth int) {
	if f, ok := cmd.Args[0].(*parse.IdentifierNode); ok {
		if !slices.Contains(ownFunctions, f.Ident) {
			c.refuse(cmd, "the function "+f.Ident+" can't be used in a project's own files")
		}
		if f.Ident == "printf" {
			if format, ok := cmd.Args[min(1, len(cmd.Args)-1)].(*parse.StringNode); !ok || !plainFormat.MatchString(format.Text) {
				c.refuse(cmd, "printf takes a constant without widths")
			}
		}
		for _, arg := range cmd.Args[1:] {
			switch arg.(type) {
			case *parse.FieldNode, *parse.StringNode, *parse.NumberNode:
			default:
				if strings.HasPrefix(f.Ident, "print") { // or texts that double
					c.refuse(cmd, f.Ident+" takes fields and constants")
				}
			}
		}
	}
	for _, arg := range cmd.Args {
		if inner, ok := arg.(*parse.PipeNode); ok {
			c.pipe(inner, depth+1)
		}
	}
}

// weigher reckons how many nodes a page comes to, with what it is made of.
type weigher struct {
	tree  func(name string) *parse.Tree
	known map[string]int
	stack []string
}

func weigh(root string, tree func(string) *parse.Tree) (int, error) {
	w := weigher{tree: tree, known: map[string]int{}}
	return w.template(root)
}

func (w *weigher) template(name string) (int, error) {
	if slices.Contains(w.stack, name) {
		return 0, fmt.Errorf("the template %q contains itself", name)
	}
	if n, ok := w.known[name]; ok {
		return n, nil
	}
	t := w.tree(name)
	if t == nil || t.Root == nil {
		return 0, fmt.Errorf("there is no template %q", name)
	}
	w.stack = append(w.stack, name)
	n, err := w.list(t.Root)
	w.stack = w.stack[:len(w.stack)-1]
	w.known[name] = n
	return n, err
}

func (w *weigher) list(l *parse.ListNode) (int, error) {
	if l == nil {
		return 0, nil
	}
	total := len(l.Nodes)
	for _, n := range l.Nodes {
		var more int
		var err error
		switch n := n.(type) {
		case *parse.IfNode:
			more, err = w.branch(&n.BranchNode, 1)
		case *parse.WithNode:
			more, err = w.branch(&n.BranchNode, 1)
		case *parse.RangeNode:
			more, err = w.branch(&n.BranchNode, repetitions)
		case *parse.TemplateNode:
			more, err = w.template(n.Name)
		}
		if err != nil {
			return 0, err
		}
		if total += more; total > maxVisits {
			return 0, errors.New("the templates repeat too much")
		}
	}
	return total, nil
}

func (w *weigher) branch(b *parse.BranchNode, times int) (int, error) {
	one, err := w.list(b.List)
	if err != nil {
		return 0, err
	}
	other, err := w.list(b.ElseList)
	return one*times + other, err
}

// checkSentences holds an own message file to sentences that there are, with the
// values that each has in English.
func checkSentences(name string, body []byte) error {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(body, &file); err != nil {
		return &OwnError{name, jsonReason(body, err)}
	}
	english, err := englishNames()
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(file)) {
		forms := map[string]string{}
		var one string
		if json.Unmarshal(file[id], &one) == nil {
			forms["other"] = one
		} else if err := json.Unmarshal(file[id], &forms); err != nil {
			return &OwnError{name, "message " + id + ": want a text, or a text for each plural form"}
		}
		want, known := english[id]
		if !known {
			return &OwnError{name, "message " + id + ": there is none of this name"}
		}
		for form, text := range forms {
			if strings.Contains(placeholder.ReplaceAllString(text, ""), "{{") {
				return &OwnError{name, "message " + id + ": want values such as {{.Client}} and nothing else in braces"}
			}
			if got := placeholder.FindAllString(text, -1); !within(got, want) {
				return &OwnError{name, fmt.Sprintf("message %s: the form %s names %q; there is %q", id, form, got, want)}
			}
		}
	}
	return nil
}

// within reports whether each value is said at most as often as it is there.
func within(got, want []string) bool {
	left := slices.Clone(want)
	for _, g := range got {
		i := slices.Index(left, g)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
