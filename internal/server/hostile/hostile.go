// Package hostile is a set of requests that mean harm, for tests and benchmarks. No
// client needs any of them, and none of them is to be executed, whatever the
// schema: each is to be refused at once, with few words.
package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Request is one of the set.
type Request struct {
	Name  string
	Query string
	// Variables is JSON; "" is none.
	Variables string
	// Body is sent as it is where a request isn't made of the rest.
	Body string
}

// JSON is the request as the body of a POST.
func (r Request) JSON() string {
	if r.Body != "" {
		return r.Body
	}
	query, err := json.Marshal(r.Query)
	if err != nil {
		panic(err) // a string always marshals
	}
	body := `{"query":` + string(query)
	if r.Variables != "" {
		body += `,"variables":` + r.Variables
	}
	return body + "}"
}

const withVariable = "query($v:String!){__type(name:$v){name}}"

// Requests are the set.
func Requests() []Request {
	megabyte := strings.Repeat("x", 1<<20)
	return []Request{
		{Name: "depth 1,000", Query: nested("{", "a", "}", 1000)},
		{Name: "10,000 aliases", Query: "{" + numbered(10_000, "a%d:__typename ") + "}"},
		{Name: "1,000 aliases of the schema", Query: "{" + numbered(1000, "a%d:__schema{types{name}} ") + "}"},
		{Name: "5,000 repeated fields", Query: "{" + strings.Repeat("__typename ", 5000) + "}"},
		{Name: "990 unknown fields", Query: "{" + numbered(990, "viewwer%d ") + "}"},
		{Name: "900 unknown arguments", Query: "{__type(" + numbered(900, "naame%d:1 ") + "){name}}"},
		{Name: "600 unknown types", Query: "{" + numbered(600, "...on Projekt%d{f%d}") + "}"},
		{Name: "900 variables of unknown types", Query: "query(" + numbered(900, "$v%d:Projekt%d ") + "){__typename}"},
		{Name: "90 fragments on unknown types", Query: "{" + numbered(90, "...F%d ") + "}" + numbered(90, "fragment F%d on Projekt%d{f}")},
		{Name: "900 literals in an object", Query: "{__type(name:{" + numbered(900, "naame%d:1 ") + "}){name}}"},
		{Name: "10,000 directives", Query: "{__typename" + strings.Repeat(" @skip(if:false)", 10_000) + "}"},
		{Name: "a fragment that spreads itself", Query: "{...A} fragment A on Query{...A}"},
		{Name: "a cycle of 90 fragments", Query: "{...F0}" + numbered(90, "fragment F%d on Query{...F%d}") + "fragment F90 on Query{...F0}"},
		{Name: "a bomb of 60 fragments", Query: "{...F0}" + numbered(60, "fragment F%d on Query{__typename ...F%[2]d ...F%[2]d}") + "fragment F60 on Query{__typename}"},
		{Name: "200,000 tokens", Query: "{" + strings.Repeat("a ", 200_000) + "}"},
		{Name: "200,000 tokens of comments", Query: "{__typename}" + strings.Repeat("\n#", 200_000)},
		{Name: "10,000 operations", Query: numbered(10_000, "query Q%d{__typename} ")},
		{Name: "10,000 variables", Query: "query(" + numbered(10_000, "$v%d:String ") + "){__typename}"},
		{Name: "a field's name of 400 KB", Query: "{" + megabyte[:400<<10] + "}"},
		{Name: "a field's name of 1 MB", Query: "{" + megabyte + "}"},
		{Name: "a type's name of 400 KB", Query: "{...on " + megabyte[:400<<10] + "{__typename}}"},
		{Name: "an argument's name of 1 MB", Query: "{__type(" + megabyte + ":1){name}}"},
		{Name: "an operation's name of 1 MB", Query: "query " + megabyte + "{__typename}"},
		{Name: "operationName of 1 MB", Body: `{"query":"{__typename}","operationName":"` + megabyte + `"}`},
		{Name: "a string of 1 MB", Query: `{__type(name:"` + megabyte + `"){name}}`},
		{Name: "a literal list 1,500 deep", Query: "{__type(name:" + nested("[", "1", "]", 1500) + "){name}}"},
		{Name: "a literal object 1,500 deep", Query: "{__type(name:" + nested("{a:", "1", "}", 1500) + "){name}}"},
		{Name: "a type 3,000 deep", Query: "query($v:" + nested("[", "Int", "]", 3000) + "){__typename}"},
		{Name: "a list 5,000 deep in a variable", Query: withVariable, Variables: `{"v":` + nested("[", "1", "]", 5000) + "}"},
		{Name: "an object 5,000 deep in a variable", Query: withVariable, Variables: `{"v":` + nested(`{"a":`, "1", "}", 5000) + "}"},
		{Name: "a list of 500,000 in a variable", Query: withVariable, Variables: `{"v":[` + strings.Repeat("1,", 500_000) + "1]}"},
		{Name: "100,000 values for variables", Query: withVariable, Variables: "{" + numbered(100_000, `"v%d":1,`) + `"v":1}`},
		{Name: "JSON 100,000 deep", Query: withVariable, Variables: `{"v":` + nested("[", "1", "]", 100_000) + "}"},
		{Name: "JSON 1,000,000 deep", Body: strings.Repeat("[", 1_000_000)},
		{Name: "objects 100,000 deep", Body: strings.Repeat(`{"query":`, 100_000)},
		{Name: "extensions 100,000 deep", Body: `{"query":"{__typename}","extensions":` + nested(`{"a":`, "1", "}", 100_000) + "}"},
		{Name: "a body of 12 MB", Query: "{" + strings.Repeat("__typename ", 12<<20/11) + "}"},
	}
}

func nested(open, inner, end string, levels int) string {
	if open == "{" { // selections need a field each
		open = "{a"
	}
	return strings.Repeat(open, levels) + inner + strings.Repeat(end, levels)
}

// numbered repeats format with a number and the next one.
func numbered(n int, format string) string {
	var b strings.Builder
	two := strings.Count(format, "%") > 1
	for i := range n {
		if two {
			fmt.Fprintf(&b, format, i, i+1)
		} else {
			fmt.Fprintf(&b, format, i)
		}
	}
	return b.String()
}
