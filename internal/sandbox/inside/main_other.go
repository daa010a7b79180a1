//go:build !linux || !(amd64 || arm64)

package inside

// Main fails: sandboxes have Linux inside.
func Main([]string) int { return 1 }
