package tools

// extra are the tools that Extend has added.
var extra []extraTool

type extraTool struct {
	role, description string
	tool              Tool
}

// Extend gives the role of that slug one more tool, with what the model reads of it.
// It is for programs that are built to be tested, which call it from an init function:
// nothing may use this package yet.
func Extend(role string, tool Tool, description string) {
	extra = append(extra, extraTool{role: role, description: description, tool: tool})
}

// Extra lists the names of the tools that the role of that slug was given so.
func Extra(role string) []string {
	var names []string
	for _, x := range extra {
		if x.role == role {
			names = append(names, x.tool.Name())
		}
	}
	return names
}
