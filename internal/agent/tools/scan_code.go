package tools

import "github.com/zeblit/zeblit/ent/enum"

var scanCode = scanTool{"scan_code", enum.CheckCode}
